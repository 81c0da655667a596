package modeltest

// forms are the kinds of article. Each topic has perForm frames of each, in
// this order.
var forms = [...]string{"guide", "essay", "history", "interview"}

const perForm = 3

// topic is the grammar of one part of the magazine. A title is a frame with
// one thing in place of its %s. Every frame of a topic takes every thing of it,
// singular or plural, so no verb of a frame depends on the thing.
type topic struct {
	name   string
	parts  []part
	frames [len(forms) * perForm]string
	lines  []string // sentences that could end any text of the topic
}

// part is a subtopic with its things, separated by "; ".
type part struct{ name, things string }

// leads begin a text.
var leads = [...]string{
	"Notes on %s, kept over one long season.",
	"A slow look at %s, with what we got wrong the first time.",
	"Everything our readers asked about %s, answered in one sitting.",
	"Twelve pages on %s, and not one of them in a hurry.",
	"Why %s can still surprise people who think they have seen it all.",
	"A short piece about %s, and a longer one about looking closely.",
}

var firstNames = []string{
	"Ada", "Bram", "Carys", "Dario", "Elif", "Fintan", "Greta", "Hamid", "Ines", "Jonas", "Kaja", "Leon", "Mirela", "Nuno",
	"Odile", "Piotr", "Quirin", "Rosa", "Sanna", "Tomas", "Ulla", "Vera", "Wim", "Xenia", "Yusuf", "Zofia", "Anouk", "Teodor",
}

var lastNames = []string{
	"Abendroth", "Birkett", "Calloway", "Dufresne", "Eklund", "Farrugia", "Grieve", "Holub", "Iversen", "Janacek", "Kestrel",
	"Lindqvist", "Moravec", "Nightingale", "Okafor", "Pellegrin", "Quist", "Rautio", "Sallow", "Tamm", "Underhill",
	"Vasquez", "Wetherby", "Ximenes", "Yarrow", "Zeller", "Ashdown", "Brandvold", "Castellan",
}

var topics = []topic{{
	name: "astronomy",
	parts: []part{
		{"planets", "the rings of Saturn; the storms of Jupiter; the phases of Venus; the polar caps of Mars; Mercury at dusk; the shadow of Io"},
		{"the moon", "the Sea of Tranquillity; the lunar X; a partial eclipse; the craters along the terminator; earthshine; the old Moon at dawn"},
		{"deep sky", "the Orion Nebula; the Andromeda Galaxy; the Pleiades; the Ring Nebula; the great cluster in Hercules; the dark lanes of the Milky Way"},
		{"stars", "Betelgeuse; the winking of Algol; the double star Albireo; the Summer Triangle; the Southern Cross; a supernova next door"},
		{"meteors", "the Perseids; the Geminids; a long-period comet; the zodiacal light; a fireball over the valley; the tail of Halley's Comet"},
	},
	frames: [...]string{
		"Finding %s from a city balcony", "A first look at %s with plain binoculars", "How to sketch %s in twenty minutes",
		"A winter with %s", "Waiting up for %s", "What %s did to my sleep",
		"The people who chased %s", "Old ideas about %s", "How a clockmaker explained %s",
		"“I still go out for %s”: an observer at ninety", "A night-shift nurse on %s", "Thirty years of photographing %s",
	},
	lines: []string{
		"Bring a blanket and give your eyes twenty minutes.",
		"No telescope is needed, only a dark corner and patience.",
		"The sky does not repeat itself as often as the almanac says.",
	},
}, {
	name: "cooking",
	parts: []part{
		{"bread", "sourdough; flatbread; black rye; focaccia; yesterday's bread; brioche"},
		{"vegetables", "charred leeks; roast cauliflower; braised fennel; stuffed peppers; bitter greens; new potatoes"},
		{"soup", "miso soup; chicken broth; red lentil soup; borscht; cold cucumber soup; minestrone"},
		{"preserves", "preserved lemons; quince jelly; sauerkraut; pickled plums; tomato passata; lime pickle"},
		{"desserts", "rice pudding; apple tart; burnt-sugar ice cream; almond cake; poached pears; dark chocolate mousse"},
	},
	frames: [...]string{
		"A weeknight case for %s", "How to rescue %s", "Cooking for one: %s",
		"What my grandmother left out about %s", "Why I gave up on %s, and came back", "In praise of %s",
		"How %s crossed a continent", "The long road to %s", "A wartime recipe for %s",
		"A chef, a stove and %s", "“You are stirring too much”: a lesson in %s", "Two cooks, one table and %s",
	},
	lines: []string{
		"Salt early, taste often, and write nothing down until it works.",
		"The quantities are a starting point and the pan decides the rest.",
		"It keeps for three days and is better on the second.",
	},
}, {
	name: "cycling",
	parts: []part{
		{"climbs", "the Stelvio; Mont Ventoux; the Galibier; the Angliru; Hardknott Pass; the Tourmalet"},
		{"touring", "the Danube path; the Hebrides; the road to Santiago; the Loire in October; the North Sea coast; the Carpathian backroads"},
		{"commuting", "the morning bridge; the canal towpath; the ring road; the school run; the last mile home; the hill by the station"},
		{"racing", "the cobbles of Roubaix; the white roads of Siena; the Tuesday criterium; the old velodrome; the six-day track; the Flemish bergs"},
		{"gravel", "the logging roads; the Great Divide; the drovers' tracks; the salt flats; the forest fire-roads; the abandoned railway line"},
	},
	frames: [...]string{
		"How to survive %s", "A packing list for %s", "Low gears and small plans for %s",
		"Learning to love %s", "Headwind, rain and %s", "The day I walked: a note on %s",
		"A short history of %s", "The riders who made %s famous", "Old postcards of %s",
		"The mechanic who rides %s for fun", "A courier's view of %s", "Three generations talk about %s",
	},
	lines: []string{
		"Eat before you are hungry and stop before you are cold.",
		"A quiet chain and a spare tube solve most of it.",
		"Nobody remembers the average speed a year later.",
	},
}, {
	name: "film noir",
	parts: []part{
		{"detectives", "the private eye's office; the weary voice-over; the tired inspector; the missing-person case; the last honest cop; the client who lies"},
		{"femmes fatales", "the woman on the stairs; the widow in white; the nightclub singer; the insurance policy; the letter in lipstick; the jilted heiress"},
		{"lighting", "the venetian-blind shadow; the wet street at night; the single streetlamp; the hall of mirrors; the match in the dark; the face half lit"},
		{"cities", "the Los Angeles of the forties; post-war Vienna; the San Francisco fog; the all-night diner; the freight yard; the cheap hotel"},
		{"neo-noir", "the neon motel; the crooked developer; the desert double-cross; the hidden tape recorder; the man with no memory; the wrong suitcase"},
	},
	frames: [...]string{
		"Where to start with %s", "Five films to understand %s", "How to stage %s",
		"Why we keep coming back to %s", "In defence of %s", "Alone at the matinee with %s",
		"Who invented %s?", "From pulp page to screen: %s", "The censor's trouble with %s",
		"A projectionist remembers %s", "An editor on cutting %s", "Talking shop with a set designer about %s",
	},
	lines: []string{
		"Nobody in these films sleeps enough, and it shows in the lamps.",
		"Watch it once for the plot and once for the ceilings.",
		"The ending is fair, which is not the same as happy.",
	},
}, {
	name: "gardening",
	parts: []part{
		{"the kitchen plot", "runner beans; purple carrots; the allotment leeks; climbing peas; heritage tomatoes; winter kale"},
		{"flowers", "old roses; sweet peas; dahlias; foxgloves; snowdrops; late tulips"},
		{"trees", "a crab apple; espaliered pears; the neighbour's walnut; a fig against the wall; silver birches; an old mulberry"},
		{"herbs", "rosemary; lovage; thyme between the stones; too much mint; bolting coriander; sage"},
		{"wild corners", "nettles; a very small pond; the meadow strip; ivy; the log pile; brambles"},
	},
	frames: [...]string{
		"What to do about %s in March", "How to leave %s alone", "The right spot for %s",
		"A truce with %s", "Ten summers of %s", "What %s taught me about waiting",
		"How %s came over the garden wall", "Monks, ledgers and %s", "The Victorians and %s",
		"A head gardener on %s", "“Start again”: a ninety-year-old on %s", "Over the fence: two neighbours discuss %s",
	},
	lines: []string{
		"Water at the root, in the evening, and not every day.",
		"The slugs were here first and have opinions.",
		"Most of it can be done with a fork and a free afternoon.",
	},
}, {
	name: "jazz",
	parts: []part{
		{"bebop", "the flatted fifth; the fastest tune in the book; Parker's alto; Mondays at Minton's; a borrowed chord sequence; the two-bar break"},
		{"piano", "Monk's silences; the stride left hand; Bill Evans's voicings; an out-of-tune upright; block chords; the piano trio"},
		{"drums", "brushes; the ride cymbal; trading fours; the second-line beat; bass-drum bombs; the hi-hat"},
		{"records", "Kind of Blue; the ten-inch LP; a bootleg from Stockholm; alternate takes; the lost quartet session; the sleeve note"},
		{"big bands", "the Basie rhythm section; Ellington's trains; the shout chorus; a territory band; the third trumpet chair; the midnight rehearsal"},
	},
	frames: [...]string{
		"How to hear %s", "Five recordings with %s", "A beginner's hour with %s",
		"What I missed in %s", "Late at night with %s", "The patience of %s",
		"How %s changed the room", "From Harlem to Paris with %s", "The years that made %s",
		"A drummer's daughter on %s", "A bassist explains %s", "The studio engineer who remembers %s",
	},
	lines: []string{
		"Play it twice: once for the tune and once for the bass.",
		"The best bar on the record is the one that nobody plays.",
		"Somebody in the room is laughing at the end of side two.",
	},
}, {
	name: "birdwatching",
	parts: []part{
		{"waders", "the curlew; a flock of knot; sanderlings; the avocet; oystercatchers; the redshank"},
		{"owls", "the barn owl; tawny owls; the short-eared owl; the little owl; the eagle owl in the quarry; the snowy owl"},
		{"garden birds", "the wren; house sparrows; the robin; long-tailed tits; the song thrush; starlings"},
		{"migration", "swallows; the cuckoo; pink-footed geese; swifts; the willow warbler; the hoopoe"},
		{"raptors", "the kestrel; red kites; the osprey; the peregrine; marsh harriers; the goshawk"},
	},
	frames: [...]string{
		"Telling %s by ear", "Where to stand for %s", "How not to frighten %s",
		"A week of looking for %s", "The morning of %s", "On not seeing %s",
		"How %s came back", "Folk songs about %s", "A hundred years of counting %s",
		"A reserve warden on %s", "The ringer who has held %s", "A night with a sound recordist and %s",
	},
	lines: []string{
		"Go early, stand still, and let the hedge get used to you.",
		"The notebook matters more than the lens.",
		"Half of birdwatching is listening to something else.",
	},
}, {
	name: "architecture",
	parts: []part{
		{"brutalism", "the concrete library; a car park worth saving; the housing slab; the university bridge; the bush-hammered wall; the raised walkway"},
		{"houses", "a house with one door; the narrow house; a timber cabin; the courtyard house; the spare room; the terrace behind the shops"},
		{"bridges", "the footbridge; a stone viaduct; the swing bridge; the unfinished flyover; a rope bridge; the covered bridge"},
		{"stations", "the old terminus; the waiting room; the departure hall; the village halt; the ticket hall; the glass roof"},
		{"details", "a good handrail; the window seat; the spiral stair; the door handle; the brick arch; the roof light"},
	},
	frames: [...]string{
		"How to read %s", "Drawing %s to scale", "What to look for in %s",
		"A year beside %s", "The case for %s", "The quiet of %s",
		"Who built %s, and why", "War, rent and %s", "The lost plans for %s",
		"A caretaker shows us %s", "The engineer who worried about %s", "A carpenter and an architect argue about %s",
	},
	lines: []string{
		"Walk round it once before you go in.",
		"The drawings were right and the weather was not consulted.",
		"Put your hand on the rail and you know who it was built for.",
	},
}, {
	name: "chess",
	parts: []part{
		{"openings", "the Sicilian; the King's Gambit; the Caro-Kann; the London System; the Dutch Defence; the Evans Gambit"},
		{"endgames", "rook endings; the Lucena position; opposite-coloured bishops; king and pawn; the wrong bishop; queen against pawn"},
		{"champions", "Tal's sacrifices; Capablanca's ease; Fischer's preparation; Petrosian's exchange; Polgar's attack; Lasker's nerve"},
		{"problems", "the mate in two; the retro problem; the endgame study; the knight's tour; the helpmate; the eight queens"},
		{"clubs", "the Thursday club; the ticking clock; the agreed draw; the touch-move rule; the simul; blitz in the park"},
	},
	frames: [...]string{
		"Three positions that explain %s", "Ten minutes a day with %s", "Practical advice on %s",
		"My trouble with %s", "The beauty of %s", "Growing old with %s",
		"How Vienna's cafés argued about %s", "A letter of 1911 about %s", "The forgotten authors of %s",
		"A trainer on teaching %s", "“Just move”: a blind player on %s", "An arbiter's stories of %s",
	},
	lines: []string{
		"Set it up on a real board; the screen hides the diagonals.",
		"The move is easy to see and hard to believe.",
		"Everyone at the club has lost this way once.",
	},
}, {
	name: "sailing",
	parts: []part{
		{"knots", "the bowline; the rolling hitch; the sheet bend; the eye splice; the figure of eight; the long splice"},
		{"weather at sea", "sea fog; a falling glass; the Beaufort scale; the sea breeze; a line squall; a mackerel sky"},
		{"passages", "the Channel at night; the Skagerrak; the Biscay crossing; the Corinth Canal; the tide race; the Kiel locks"},
		{"boats", "the wooden dinghy; the gaff cutter; the Thames barge; the pilot schooner; the borrowed yawl; the oyster smack"},
		{"navigation", "the sextant; the paper chart; dead reckoning; the harbour lights; the log book; the compass rose"},
	},
	frames: [...]string{
		"What the manual forgets about %s", "A crew of two and %s", "Respecting %s: a checklist",
		"A lesson from %s", "Seasick, cold and grateful for %s", "My father and %s",
		"The age of sail and %s", "How sailors talked about %s", "Superstitions about %s",
		"A harbour master on %s", "The single-hander who trusts %s", "A boatbuilder's opinion of %s",
	},
	lines: []string{
		"Reef early; nobody ever regretted the slower hour.",
		"The kettle is the most important instrument below.",
		"It looks simple from the quay, as everything does.",
	},
}, {
	name: "typography",
	parts: []part{
		{"typefaces", "Garamond; Futura; Baskerville; Gill Sans; Clarendon; Akzidenz-Grotesk"},
		{"letterforms", "the ampersand; the long s; the lower-case g; the tail of the Q; the dotless i; old-style figures"},
		{"printing", "wood type; the Linotype; hot metal; the hand press; the proof sheet; letterpress ink"},
		{"signs", "the shop sign; street names; the airport sign; painted house numbers; the neon script; ghost signs"},
		{"books", "the margin; the index; the title page; the hyphen; the footnote; the running head"},
	},
	frames: [...]string{
		"How to use %s without shouting", "A field guide to %s", "Small sizes, cheap paper and %s",
		"In love with %s", "The modesty of %s", "Against %s, with regret",
		"The strange life of %s", "After Gutenberg: %s", "A quarrel of 1928 over %s",
		"A compositor on %s", "The designer who redrew %s", "A proofreader's view of %s",
	},
	lines: []string{
		"Hold the page upside down and look at the grey.",
		"Good spacing is what you notice last.",
		"The specimen book lies a little, as portraits do.",
	},
}, {
	name: "walking",
	parts: []part{
		{"ridges", "the Cuillin ridge; Crib Goch; the skyline path; the summit cairn; the false summit; Striding Edge"},
		{"huts", "the winter hut; the bothy; the warden's stove; bunk number nine; the hut book; the drying room"},
		{"long paths", "the Pennine Way; the GR20; the Camino; the Kungsleden; the South West Coast Path; the Via Alpina"},
		{"maps", "the contour line; the trig point; grid north; the blank square; the old parish boundary; the dotted path"},
		{"snow", "the first snow; spring ice; the cornice; the white-out; frozen tarns; the thaw"},
	},
	frames: [...]string{
		"What nobody tells you about %s", "Planning around %s", "A cautious walker's guide to %s",
		"A long day with %s", "The silence of %s", "Wet socks, a good dog and %s",
		"Who first wrote about %s", "The shepherds' words for %s", "Then and now: %s",
		"A mountain guide's respect for %s", "The rescue team on %s", "A retired surveyor remembers %s",
	},
	lines: []string{
		"Turn round while it is still your own decision.",
		"A flask and a spare pair of gloves weigh less than regret.",
		"The view was on the other side, where the sheep were.",
	},
}, {
	name: "photography",
	parts: []part{
		{"film", "black-and-white film; the contact sheet; an expired roll; the darkroom; the fixer tray; the large negative"},
		{"light", "window light; the blue hour; noon in August; the bare bulb; backlight; the long exposure"},
		{"portraits", "the passport photo; the family group; a stranger's hands; the self-portrait; the awkward smile; the sitter's chair"},
		{"street", "the corner shop; umbrellas; the bus window; market day; pigeons; the empty square"},
		{"cameras", "the rangefinder; the plastic camera; the pinhole; the fifty-millimetre lens; the twin-lens reflex; the light meter"},
	},
	frames: [...]string{
		"One roll, one subject: %s", "A slow exercise with %s", "Seven mistakes with %s",
		"What I see in %s", "Letting go of %s", "A quiet afternoon with %s",
		"The picture press and %s", "How %s became art", "The amateurs who loved %s",
		"A master printer on %s", "The archivist who collects %s", "A wedding photographer on %s",
	},
	lines: []string{
		"Take one step closer, then wait for somebody to turn.",
		"Most of the work is deciding where not to point it.",
		"The best frame is usually the one before the one you meant.",
	},
}, {
	name: "railways",
	parts: []part{
		{"night trains", "the sleeper to Palermo; the couchette; the dining car; the two o'clock border stop; the through carriage; the last compartment"},
		{"branch lines", "the line to the sea; the single-car diesel; the request stop; the level crossing; the island platform; the milk train"},
		{"steam", "the banking engine; the little tank engine; the water tower; the coal stage; the fireman's shovel; the roundhouse"},
		{"timetables", "the seven-minute connection; the winter timetable; the missing 9.14; the station clock; the railway map; the departure board"},
		{"models", "the attic layout; the cardboard village; the turnout that sticks; the garden railway; the hand-laid track; the fiddle yard"},
	},
	frames: [...]string{
		"How to enjoy %s", "A weekend built around %s", "A newcomer's notes on %s",
		"Half asleep beside %s", "The comfort of %s", "What I would give for %s",
		"The rise and fall of %s", "Who paid for %s?", "Strikes, snow and %s",
		"A signalman on %s", "The volunteers behind %s", "A conductor's memories of %s",
	},
	lines: []string{
		"Take the slow one; it stops where the story is.",
		"Bring sandwiches, a pencil and no fixed plans.",
		"The timetable is a work of fiction with a very good plot.",
	},
}}
