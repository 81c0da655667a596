package modeltest

// The desks of a Daily.
const (
	news   = "news"
	cinema = "cinema"
)

// beat is the grammar of one topic of a Daily. A title is one of its frames with
// a thing for %s, and a place for %p and one of the words for %w where it has
// those. Lists are separated by "; ".
type beat struct {
	desk, name    string
	parts         []part
	frames, words string
}

// places are towns that are on no map.
var places = []string{
	"Brackwater", "Oldenmoor", "Saltaven", "Ferrow", "Kingsholt", "Marlow Quay", "Tarn Ridge", "Vellin", "Ashcombe", "Port Ellery",
	"Dunmarsh", "Halvik", "Lower Wick", "Sorrel Bay", "Grenmouth", "Pellworth", "Norrhaven", "Winterbourne", "Castle Mere", "Elmbridge",
	"Tolland", "Ravensford", "Quarry Hill", "Isle of Senn",
}

// newsFrames take any thing of the news, singular or plural, and any place.
const newsFrames = "%p waits for %s; What %s means for %p; %p votes on %s; " +
	"Inside %s: a week in %p; Who pays for %s in %p?; %p and %s, one year on; " +
	"“Enough of %s”: voices from %p; Five questions about %s, from %p; Another delay for %s in %p; " +
	"How %p got used to %s"

// beats are of the two desks in turn.
var beats = []beat{{
	desk: news, name: "climate",
	parts: []part{
		{"floods", "the spring flood; the new levee; the river gauge; the drained polder; the storm drain; the hundred-year flood"},
		{"energy", "the wind farm; the last coal unit; the heat network; the solar roof scheme; the tidal turbine; the battery park"},
		{"forests", "the beech wood; the fire break; the replanting plan; the bark beetle; the peat bog; the wolf corridor"},
		{"heat", "the heat wave; the shade map; the night-time record; the dry reservoir; the cooling centre; the early harvest"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "drama",
	parts: []part{
		{"families", "inheritance; orchard; sisters; kitchen table; long marriage; homecoming"},
		{"courtrooms", "verdict; juror; testimony; silent witness; second trial; oath"},
		{"coming of age", "schoolyard; first summer; bicycle; piano lesson; last bus; swimming lesson"},
		{"work", "shipyard; night shift; foundry; understudy; strike; bakery"},
	},
	frames: "The %w %s; The %s of %p; A %w %s; The %w %s of %p; Leaving the %s; %p, and the %s",
	words:  "quiet; borrowed; patient; winter; unfinished; stubborn; crooked; second; northern; paper; inherited; late",
}, {
	desk: news, name: "economy",
	parts: []part{
		{"work", "the four-day week; the night shift; the shipyard layoffs; the apprentice scheme; the pay deal; the harbour strike"},
		{"prices", "the price of bread; the rent index; the heating bill; the ferry fare; the coffee shortage; the rate rise"},
		{"trade", "the container backlog; the grain deal; the border queue; the fish quota; the timber tariff; the rail freight link"},
		{"money", "the pension fund; the town budget; the savings bank; the tax on second homes; the cash machine; the co-operative"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "thriller",
	parts: []part{
		{"spies", "courier; dead drop; sleeper; double agent; cipher; safe house"},
		{"heists", "vault; getaway; diamond run; inside man; alarm; blueprint"},
		{"chases", "border; night train; fugitive; checkpoint; passenger; alibi"},
		{"conspiracies", "dossier; minister; wiretap; leak; missing hour; committee"},
	},
	frames: "The %w %s; The %p %s; No %s in %p; The %s at %p; The %w %s of %p; Follow the %s to %p",
	words:  "midnight; silent; broken; hidden; frozen; false; seventh; burning; double; vanishing; iron; last",
}, {
	desk: news, name: "science",
	parts: []part{
		{"space", "the lunar relay; the comet probe; the dish on the hill; the weather satellite; the meteorite find; the dark-sky rule"},
		{"earth", "the fault line; the ice core; the sea-floor map; the hot spring; the landslide sensor; the volcano watch"},
		{"life", "the moss survey; the eel count; the honeybee genome; the beaver return; the seed vault; the deep-sea sponge"},
		{"maths", "the tiling puzzle; the voting paradox; the prime hunt; the traffic model; the knot table; the census method"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "comedy",
	parts: []part{
		{"weddings", "best man; seating plan; bridesmaid; wrong church; cake; in-laws"},
		{"offices", "photocopier; pay rise; away day; filing clerk; lift; retirement party"},
		{"holidays", "caravan; boarding house; package tour; rained-off picnic; campsite; lost luggage"},
		{"mistaken identity", "wrong twin; impostor; borrowed suit; false moustache; hotel bill; understated duke"},
	},
	frames: "The %w %s; Oh, the %s!; My %w %s; The %w %s of %p; A %s in %p; Mind the %w %s",
	words:  "dreadful; splendid; accidental; reluctant; upside-down; modest; third; ridiculous; borrowed; hopeless; improbable; polite",
}, {
	desk: news, name: "health",
	parts: []part{
		{"hospitals", "the maternity ward; the night clinic; the air ambulance; the waiting list; the nurse shortage; the day surgery"},
		{"food", "the school lunch; the salt target; the allergy label; the vitamin trial; the sugar levy; the tap water test"},
		{"mind", "the sleep study; the grief line; the exam stress survey; the garden therapy; the loneliness plan; the quiet carriage"},
		{"infections", "the flu vaccine; the tick map; the measles case; the sewage monitor; the antibiotic rule; the new test kit"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "science fiction",
	parts: []part{
		{"space", "lighthouse on Titan; signal; orbit; colony; long sleep; airlock"},
		{"robots", "automaton; gardener machine; clockwork pilot; replica; servant; repairman"},
		{"time", "yesterday; loop; visitor; calendar; hourglass; second Tuesday"},
		{"strange worlds", "silicon forest; salt planet; under-city; cloud harbour; glass sea; crater"},
	},
	frames: "The %w %s; Beyond the %w %s; The %s over %p; The %w %s of %p; After the %s; %p and the %w %s",
	words:  "last; hollow; distant; electric; weightless; ninth; forgotten; silver; returning; parallel; dreaming; outer",
}, {
	desk: news, name: "transport",
	parts: []part{
		{"trains", "the night train; the level crossing; the single-track line; the commuter timetable; the station roof; the tram extension"},
		{"roads", "the ring road; the speed limit; the toll bridge; the pothole count; the parking levy; the school street"},
		{"cycling", "the cycle bridge; the bike theft wave; the cargo-bike hire; the harbour cycle path; the helmet study; the bike train"},
		{"sea and air", "the island ferry; the airport noise line; the seaplane plan; the harbour pilot; the electric ferry; the drone corridor"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "documentary",
	parts: []part{
		{"nature", "river; migration; glacier; hedgerow; reef; moor"},
		{"music", "choir; organ builder; brass band; record shop; last concert; folk club"},
		{"craft", "boatbuilder; watchmaker; weaver; stone wall; type foundry; bell maker"},
		{"lives", "beekeeper; lighthouse keeper; ferryman; midwife; chess teacher; cartographer"},
	},
	frames: "The %s of %p; The %w %s; A year with the %s of %p; One %w %s; The %w %s of %p; Looking for the %s",
	words:  "patient; vanishing; ordinary; long; unseen; hundred-year; working; small; weathered; open; plain; slow",
}, {
	desk: news, name: "politics",
	parts: []part{
		{"councils", "the council vote; the town hall move; the tied ballot; the mayor’s diary; the recount; the boundary map"},
		{"parliament", "the coalition talks; the late-night sitting; the budget amendment; the speaker’s ruling; the second reading; the snap election"},
		{"rights", "the privacy bill; the right to repair; the press law; the protest route; the asylum centre; the voting age"},
		{"abroad", "the border treaty; the fisheries summit; the peace envoy; the visa rule; the embassy reopening; the aid convoy"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "horror",
	parts: []part{
		{"ghosts", "tenant; lodger; stairwell; empty pram; nursery; séance"},
		{"folk", "harvest; scarecrow; standing stone; well; hollow tree; bonfire"},
		{"creatures", "tide; burrow; thing in the loft; moth; hound; eel pond"},
		{"houses", "cellar; attic room; locked wing; wallpaper; dumb waiter; doll’s house"},
	},
	frames: "The %w %s; The %s at %p; Do not wake the %s; The %w %s of %p; Beneath the %w %s; %p: the %s",
	words:  "whispering; damp; red; sleepless; unlit; buried; hungry; grey; nameless; cold; thirteenth; breathing",
}, {
	desk: news, name: "housing",
	parts: []part{
		{"building", "the timber tower; the brick shortage; the self-build plots; the roof rule; the crane collapse; the show flat"},
		{"renting", "the rent cap; the deposit scheme; the mould ruling; the student rooms; the empty flats; the lodger rule"},
		{"neighbourhoods", "the corner shop; the allotment waiting list; the noise truce; the playground; the market square; the car-free quarter"},
		{"heritage", "the listed cinema; the old waterworks; the town wall; the art deco lido; the lighthouse sale; the chapel roof"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "romance",
	parts: []part{
		{"letters", "letter; postcard; telegram; dictionary; wrong address; pen friend"},
		{"travel", "ferry; night train; pier; hotel lobby; lighthouse; last tram"},
		{"second chances", "old flame; ex-husband; reunion; dance lesson; rain check; second proposal"},
		{"summer", "beach hut; lemon grove; bicycle ride; village dance; harbour café; August"},
	},
	frames: "The %w %s; A %s in %p; The %w %s of %p; One %s, two umbrellas; Our %w %s; The %s from %p",
	words:  "tender; unsent; rainy; last; secret; gentle; impossible; borrowed; golden; shy; crossed; seaside",
}, {
	desk: news, name: "technology",
	parts: []part{
		{"privacy", "the face-recognition trial; the cookie ruling; the data leak; the smart-meter row; the tracking ban; the private search"},
		{"machines", "the robot ferry; the chip plant; the repair café; the self-driving bus; the warehouse arm; the old mainframe"},
		{"software", "the open-source payroll; the outage; the timetable bug; the tax app; the translation tool; the password rule"},
		{"networks", "the island cable; the village broadband; the mast dispute; the mesh network; the satellite link; the radio licence"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "animation",
	parts: []part{
		{"animals", "fox; heron; hedgehog; goat; owl; otter"},
		{"magic", "lantern; wishing tree; broom; paper dragon; music box; moon ladder"},
		{"machines", "tin whale; kettle; little engine; flying bathtub; clock; toy robot"},
		{"journeys", "balloon; raft; map; long way home; snow road; tea caravan"},
	},
	frames: "The %w %s; The %s of %p; The %w %s of %p; Good night, %w %s; The %s who moved to %p; My friend the %w %s",
	words:  "brave; tiny; curious; upside-down; singing; sleepy; lost; runaway; polite; striped; cloudy; grumpy",
}, {
	desk: news, name: "sport",
	parts: []part{
		{"football", "the promotion race; the late penalty; the youth academy; the muddy derby; the away end; the stadium vote"},
		{"running", "the harbour marathon; the hill race; the relay record; the night run; the cross-country final; the parkrun"},
		{"water", "the rowing regatta; the winter swim; the sailing final; the surf season; the lifeboat crew; the canoe slalom"},
		{"winter", "the ski lift; the curling final; the ice rink; the biathlon team; the frozen canal; the avalanche course"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "western",
	parts: []part{
		{"riders", "drifter; marshal; stagecoach; pony express; bounty man; lone rider"},
		{"towns", "saloon; undertaker; railroad; schoolteacher; bank; telegraph"},
		{"land", "dry creek; mesa; cattle trail; homestead; canyon; border fort"},
		{"revenge", "oath; noose; brother; debt; rifle; reckoning"},
	},
	frames: "The %w %s; The %s at %p; Ride for the %w %s; The %w %s of %p; Seven miles to the %s; A %s for %p",
	words:  "dusty; lonesome; iron; bitter; crooked; nameless; copper; quiet; wild; sunburnt; ragged; last",
}, {
	desk: news, name: "education",
	parts: []part{
		{"schools", "the village school; the exam board; the teacher shortage; the later start; the school orchestra; the phone ban"},
		{"universities", "the tuition vote; the lecture strike; the exchange year; the lab fire; the new campus; the honorary degree"},
		{"reading", "the library van; the spelling bee; the bedtime-story scheme; the school newspaper; the poetry prize; the braille press"},
		{"trades", "the welding course; the bakery school; the maritime academy; the master joiner; the apprentice fair; the night class"},
	},
	frames: newsFrames,
}, {
	desk: cinema, name: "film noir",
	parts: []part{
		{"detectives", "private eye; missing person; tired inspector; client; last honest cop; alibi"},
		{"cities", "wet street; freight yard; all-night diner; cheap hotel; neon sign; rooftop"},
		{"femmes fatales", "widow; nightclub singer; insurance policy; heiress; lipstick letter; blonde"},
		{"double-crosses", "suitcase; partner; wrong wallet; hidden tape; forged will; fall guy"},
	},
	frames: "The %w %s; The %s from %p; The %w %s of %p; Nobody knows the %s; Farewell, %w %s; %p after the %s",
	words:  "dark; crooked; velvet; midnight; guilty; cold; double; faded; seven-dollar; cornered; smoky; final",
}}
