package main

import (
	"slices"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
)

// made stands in arguments for the folder of files that prepare made.
const made = "MADE"

// table is one table of RESULTS.md.
type table struct {
	name, title, about string
	files              []file
	make               func(root, into string) error // what prepares files; nil: nothing

	args       []string // of nearside: the protocol and the data
	test       []string // the flags that name the test cases
	validation []string // instead of test, to choose by; nil: test and --on validation

	columns   []column
	percent   bool // published and want are in per cent
	published []published
	want      []float64 // what the shipped model must reach, by column

	runs []run
}

// published is a line that others have printed. 0: not printed.
type published struct {
	name   string
	values []float64
}

// run is a model to judge.
type run struct {
	model   string
	choices []string // values of --set: one of several is chosen on validation; none: the defaults
	flags   []string // more of them
	through string
	short   bool // quick enough for the short form
	nightly bool // and for that of make nightly
}

// command returns the arguments of nearside, but for --json.
func (t *table) command(r run, set, through string, validation bool) []string {
	args := slices.Concat([]string{"eval"}, t.args)
	switch {
	case !validation:
		args = append(args, t.test...)
	case t.validation != nil:
		args = append(args, t.validation...)
	default:
		args = append(append(args, t.test...), "--on", "validation")
	}
	args = append(args, "--model", r.model)
	if set != "" {
		args = append(args, "--set", set)
	}
	return append(append(args, r.flags...), "--through", through)
}

// column is a measure in a table.
type column struct {
	title string
	of    func(eval.Result) eval.Estimate
}

// at returns what a result says at K.
func at(r eval.Result, k int) eval.Metrics {
	i := slices.IndexFunc(r.At, func(m eval.Metrics) bool { return m.K == k })
	if i < 0 {
		return eval.Metrics{}
	}
	return r.At[i]
}

func recall(title string, k int) column {
	return column{title, func(r eval.Result) eval.Estimate { return at(r, k).Recall }}
}

func ndcg(title string, k int) column {
	return column{title, func(r eval.Result) eval.Estimate { return at(r, k).NDCG }}
}

func mrr(title string, k int) column {
	return column{title, func(r eval.Result) eval.Estimate { return at(r, k).MRR }}
}

// recallOn is the recall of the cases that ask for one thing: for what is new,
// or a repeat.
func recallOn(title, group string, k int) column {
	return column{title, func(r eval.Result) eval.Estimate {
		for _, g := range at(r, k).Groups {
			if g.By == "target" && g.Name == group {
				return g.Recall
			}
		}
		return eval.Estimate{}
	}}
}

// ndcgOn is the NDCG of the cases that ask for one thing.
func ndcgOn(title, group string, k int) column {
	return column{title, func(r eval.Result) eval.Estimate {
		for _, g := range at(r, k).Groups {
			if g.By == "target" && g.Name == group {
				return g.NDCG
			}
		}
		return eval.Estimate{}
	}}
}

// asItIs keeps every row of a published split.
var asItIs = []string{"--min-user-items", "1", "--min-item-users", "1", "--max-user-items", "0"}

const both = "float,module"

// Where numbers are looked for.
var (
	ialsChoices = []string{
		"alpha=0.01,reg=0.003", "alpha=0.03,reg=0.003", "alpha=0.1,reg=0.003", "alpha=0.3,reg=0.003",
		"alpha=0.01,reg=0.01", "alpha=0.03,reg=0.01", "alpha=0.1,reg=0.01", "alpha=0.3,reg=0.01",
	}
	// ialsFew are for catalogues and crowds that take minutes.
	ialsFew     = []string{"alpha=0.01,reg=0.003", "alpha=0.03,reg=0.003", "alpha=0.1,reg=0.003"}
	easeChoices = []string{"lambda=100", "lambda=300", "lambda=1000", "lambda=3000"}

	ridgeChoices = []string{"lambda=2", "lambda=4", "lambda=8"}
	slimChoices  = []string{"l2=30", "l2=100", "l2=300"}
	elsaChoices  = []string{"dim=128", "dim=256", "dim=512"}
	bprChoices   = []string{"epochs=100,decay=0.002", "epochs=100,decay=0.005", "epochs=200,decay=0.005"}

	// Bundles of at most 190 bytes an item.
	smallLists     = []string{"neighbours=20,dim=256", "neighbours=34,dim=192", "neighbours=48,dim=128", "neighbours=48,dim=64"}
	smallLarge     = []string{"neighbours=9,dim=288", "neighbours=15,dim=256", "neighbours=27,dim=192", "neighbours=38,dim=128"} // 40,000 items
	smallSequences = []string{"neighbours=18,dim=32"}
	smallGames     = []string{"neighbours=21,dim=32", "neighbours=25,dim=16"}
	smallBeauty    = []string{"neighbours=24,dim=48", "neighbours=30,dim=32"}
	smallWide      = []string{"neighbours=18,dim=32", "neighbours=24,dim=16"} // 60,000 items
)

// tables returns all tables, in the order of RESULTS.md.
func tables() []table {
	all := slices.Concat(lists(), leaveOneOut(), sessions())
	for i := range all {
		all[i].args = slices.Concat(all[i].args, asItIs)
	}
	return slices.Concat(all, newItems())
}

// sizes are the numbers that content and ials share, with more of them.
func sizes(more string) (choices []string) {
	for _, set := range []string{"alpha=0.02", "alpha=0.1", "dim=128,alpha=0.02"} {
		choices = append(choices, set+more)
	}
	return choices
}

// newItems are catalogues with items that nobody has met.
func newItems() []table {
	one := func(name, title, about string, files []file, prepare func(string, string) error, events, items string, flags ...string) table {
		return table{
			name: name, title: title,
			about: about + "\nA fifth of the items is held out with all their events, and a tenth of each person's other items.\n" +
				"\"among new\" ranks the new items among themselves, \"new\" among all; \"known\" is the tenth, ranked\n" +
				"among all, too. Items of fewer than 5 people are in the catalogue of content, and nobody is asked for\n" +
				"them. popular and ials know nothing of new items and give everybody the same, in random order.\n" +
				"\"alone=1\" learns from the catalogue and not from events.",
			files: files, make: prepare,
			args: slices.Concat([]string{"--protocol", "new", "--at", "20", "--events", events, "--items", items}, flags),
			columns: []column{
				recallOn("R@20 among new", data.AsksAmong, 20), ndcgOn("N@20 among new", data.AsksAmong, 20),
				recallOn("R@20 new", data.AsksNew, 20), recallOn("R@20 known", data.AsksKnown, 20), ndcgOn("N@20 known", data.AsksKnown, 20),
			},
			runs: []run{
				{model: "popular", through: "float", short: true},
				{model: "ials", choices: sizes(""), through: "float"},
				{model: "content", choices: []string{"dim=64,alone=1", "dim=128,alone=1"}, through: "float"},
				{model: "content", choices: sizes(""), through: both},
				{model: "content", choices: sizes(",boost=1.5"), through: "float"},
			},
		}
	}
	list := []table{
		one("new-citeulike", "New items: citeulike-a",
			"5,551 people who collect articles; an article is the tags that they gave it.",
			[]file{usersCiteULike, itemTags, tagNames}, makeCiteULike, made+"/citeulike-events.csv", made+"/citeulike-items.csv"),
		one("new-movielens-1m", "New items: MovieLens 1M",
			"Ratings of 4 and 5; a film is its title, year, genres, cast, writers, directors and plot.",
			[]file{ratings1M, films1M}, makeFilms1M, ratings1M.name, made+"/movielens-1m-items.csv", "--min-rating", "4"),
		one("new-movielens-small", "New items: MovieLens latest-small",
			"All ratings; a film is its title, genres and the tags that people gave it.",
			[]file{ratingsSmall, filmsSmall, tagsSmall, visual}, makeFilmsSmall, ratingsSmall.name, made+"/movielens-small-items.csv"),
	}
	trailers := run{model: "content", choices: sizes(""), through: "float",
		flags: []string{"--item-vectors", made + "/visual.npy", "--vector-ids", made + "/visual-ids.txt"}}
	small := &list[len(list)-1]
	small.about += " The last line\nhas 7 numbers of each film's trailer besides (--item-vectors)."
	small.runs = append(small.runs, trailers)
	return list
}

// lists are the splits whose users are sets of items.
func lists() []table {
	columns := []column{recall("R@20", 20), ndcg("N@20", 20)}
	args := func(protocol, dir string) []string {
		return []string{"--protocol", protocol, "--format", "lists", "--at", "20", "--events", dir + "/train.txt.gz"}
	}
	const about = "Full ranking, training items left out, mean over all test users. The published numbers were\n" +
		"mostly tuned on the test part, so an honest run within 1 % of them counts as equal."
	return []table{{
		name: "gowalla", title: "Gowalla, split of LightGCN (SIGIR 2020)",
		about: about + " EASE is left out:\nbeyond 30,000 items it is a ridge, too.",
		files: []file{
			{"gowalla-lightgcn/train.txt.gz", "4cbd7fd6bddb7598d81da99a8d01bae9c6d96802b1fa7397c9fcd5b0e9a42b9f"},
			{"gowalla-lightgcn/test.txt.gz", "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3"},
		},
		args: args("given", "gowalla-lightgcn"), test: []string{"--test", "gowalla-lightgcn/test.txt.gz"},
		columns: columns,
		published: []published{
			{"EASE, l2 80 (BARS)", []float64{.1765, .1467}},
			{"LightGCN (SIGIR 2020)", []float64{.1830, .1554}},
			{"UltraGCN (CIKM 2021)", []float64{.1862, .1580}},
			{"SimpleX (CIKM 2021)", []float64{.1872, .1557}},
		},
		want: []float64{.187, .157},
		runs: []run{
			{model: "popular", through: both},
			{model: "ridge", choices: ridgeChoices, through: both},
			{model: "auto", through: "module"},
			{model: "auto", choices: smallLarge, through: "module"},
		},
	}, {
		name: "yelp2018", title: "Yelp2018, split of LightGCN (SIGIR 2020)",
		about: about + " EASE is left out:\nbeyond 30,000 items it is a ridge, too.",
		files: []file{
			{"yelp2018-lightgcn/train.txt.gz", "5588ebbcbf9ab10cdf7a70aa300f2ef781030daa2a94ef0685598ed051a398da"},
			{"yelp2018-lightgcn/test.txt.gz", "9cd9b37926cd1447a06625ffa7914527573fb097c10cb0bbdb1d1b8ded3742fe"},
		},
		args: args("given", "yelp2018-lightgcn"), test: []string{"--test", "yelp2018-lightgcn/test.txt.gz"},
		columns: columns,
		published: []published{
			{"EASE, l2 300 (BARS)", []float64{.0657, .0552}},
			{"LightGCN (SIGIR 2020)", []float64{.0649, .0530}},
			{"UltraGCN (CIKM 2021)", []float64{.0683, .0561}},
			{"SimpleX (CIKM 2021)", []float64{.0701, .0575}},
		},
		want: []float64{.0705, .0585},
		runs: []run{
			{model: "popular", through: both},
			{model: "ridge", choices: ridgeChoices, through: both},
			{model: "auto", through: "module"},
			{model: "auto", choices: smallLarge, through: "module"},
		},
	}, {
		name: "movielens-1m", title: "MovieLens 1M, split m1 of UltraGCN (CIKM 2021)", about: about,
		files: []file{
			{"movielens-1m/ultragcn_m1/train.txt.gz", "f088986b22f14f17136f9c4ef6f1269201f83dfb9ce259f1fd4ed46d72a92599"},
			{"movielens-1m/ultragcn_m1/test.txt.gz", "7ca364f7f9321417b521745833b12719a2feb13253bccece2c04d5afe9fc3e15"},
		},
		args: args("given", "movielens-1m/ultragcn_m1"), test: []string{"--test", "movielens-1m/ultragcn_m1/test.txt.gz"},
		columns: columns,
		published: []published{
			{"LightGCN", []float64{.2576, .2427}},
			{"UltraGCN (CIKM 2021)", []float64{.2787, .2642}},
			{"SimpleX (CIKM 2021)", []float64{.2802, .2670}},
		},
		want: []float64{.287, .275},
		runs: []run{
			{model: "popular", through: both, short: true},
			{model: "ease", choices: easeChoices, through: both, short: true},
			{model: "ridge", choices: ridgeChoices, through: both, short: true},
			{model: "slim", choices: slimChoices, through: both},
			{model: "elsa", choices: elsaChoices, through: both},
			{model: "bpr", choices: bprChoices, through: both},
			{model: "ials", choices: ialsChoices, through: both},
			{model: "auto", through: "module"},
			{model: "auto", choices: smallLists, through: "module"},
		},
	}}
}

// leaveOneOut are the splits that ask for one item of each user.
func leaveOneOut() []table {
	chronological := func(name, title, dir, suffix string, train, validation, test string, want float64, lines []published, small []string, short bool) table {
		return table{
			name: name, title: title,
			about: "Each person's last event is the target, the one before is for choosing and not learnt from;\n" +
				"full ranking. Published by Chin, Chen and Cong (The Datasets Dilemma, WSDM 2022), tuned on\nvalidation.",
			files: []file{{dir + "/train.csv.gz", train}, {dir + "/validation.csv" + suffix, validation}, {dir + "/test.csv" + suffix, test}},
			args:  []string{"--protocol", "given", "--at", "10,20", "--events", dir + "/train.csv.gz"},
			test:  []string{"--test", dir + "/test.csv" + suffix}, validation: []string{"--test", dir + "/validation.csv" + suffix},
			columns: []column{recall("R@10", 10), ndcg("N@10", 10), recall("R@20", 20)}, published: lines, want: []float64{want},
			runs: []run{
				{model: "popular", through: both, short: short},
				{model: "ridge", choices: ridgeChoices, through: both, short: short},
				{model: "ials", choices: ialsChoices, through: both, short: short},
				{model: "sequence", through: both},
				{model: "auto", through: "module", short: short},
				{model: "auto", choices: small, through: "module"},
			},
		}
	}
	return []table{{
		name: "movielens-1m-ncf", title: "MovieLens 1M, leave-one-out of NCF (WWW 2017), one of 100",
		about: "Each person's latest rating is ranked among the 99 given negatives, as the papers do; nothing can\n" +
			"be chosen by that (see the full ranking below), so numbers are chosen by the full ranking of a\n" +
			"tenth of each person's items.",
		files: []file{ratings1M, negatives1M}, make: makeNCF,
		args: []string{"--protocol", "ncf", "--format", "lists", "--at", "10", "--events", made + "/" + ncfTrain}, test: []string{"--test", negatives1M.name},
		columns: []column{recall("HR@10", 10), ndcg("N@10", 10)},
		published: []published{
			{"EASE, lambda 1000, computed independently on these files", []float64{.7182, .4511}},
			{"iALS, d 192, the same", []float64{.7315, .4544}},
		},
		want: []float64{.731, .454},
		runs: []run{
			{model: "popular", through: both, short: true},
			{model: "ease", choices: easeChoices, through: both},
			{model: "ridge", choices: ridgeChoices, through: both},
			{model: "ials", choices: ialsChoices, through: both},
			{model: "auto", through: "module"},
			{model: "auto", choices: smallLists, through: "module"},
		},
	},
		chronological("movielens-100k", "MovieLens 100K, chronological leave-one-out", "movielens-100k/datasets_dilemma_loo", "",
			"02514b528a36fc53d81f34bffd430b6f258a0e965ff331bd00c2a5e3a3b2c2be", "4f3b37ee0db24f3c8d13234faa52f118f41ef7dde19a9c4e60fafc6a3557390a",
			"a31a7989666273585a7951541e83e710f10b01680a6d8383f2a91bfcc0d06ffd", .1368, []published{
				{"ItemKNN", []float64{.1220, .0647, .1845}},
				{"RP3beta", []float64{.1241, .0646, .1835}},
				{"Mult-VAE", []float64{.1283, .0649, .2132}},
				{"WMF", []float64{.1368, .0700, .1983}},
			}, smallSequences, true),
		chronological("video-games", "Amazon Video Games, chronological leave-one-out", "amazon-sequences/datasets_dilemma_videogames_loo", ".gz",
			"6e0c60b13eab52c09ffb1ccf6fdf467cc8500cdcc984d211225bcc33182984d5", "aefc0451c41e5533e6ccf83977db91dd2c95e2e5f39063455a4b355159f5ea2e",
			"6aaee68dc74a1c17cd768f7f74079b5bbf04f76b8a04f37c96fef2df6e3275d3", .0745, []published{
				{"ItemKNN", []float64{.0713, .0360, .1090}},
				{"RP3beta", []float64{.0745, .0383, .1146}},
				{"Mult-VAE", []float64{.0570, .0284, .0906}},
				{"WMF", []float64{.0695, .0351, .1113}},
			}, smallGames, false),
		{
			name: "beauty", title: "Amazon Beauty, leave-one-out of BERT4Rec (CIKM 2019)",
			about: "Each person's last item is the target, all before it are the history and stay in training; full\n" +
				"ranking. Numbers are chosen on the item before the last, with the last removed. Published by\n" +
				"Klenitskiy and Vasilev (RecSys 2023).",
			files:   []file{{"amazon-sequences/bert4rec_beauty.txt.gz", "f480b7a7403852342ffd8f9809bb30697dd669be31813d0e204b698fec86ef49"}},
			args:    []string{"--protocol", "loo", "--at", "10", "--events", "amazon-sequences/bert4rec_beauty.txt.gz"},
			columns: []column{recall("HR@10", 10), ndcg("N@10", 10)},
			published: []published{
				{"SASRec, one negative", []float64{.0246, .0126}},
				{"BERT4Rec", []float64{.0338, .0187}},
				{"SASRec, 3000 negatives", []float64{.0490, .0295}},
				{"SASRec, full softmax", []float64{.0533, .0327}},
			},
			want: []float64{.053, .032},
			runs: []run{
				{model: "popular", through: both},
				{model: "ridge", choices: ridgeChoices, through: both},
				{model: "ials", choices: ialsFew, through: both},
				{model: "sequence", through: both},
				{model: "auto", through: "module"},
				{model: "auto", choices: smallBeauty, through: "module"},
			},
		}}
}

// sessions are the splits of SR-GNN and its followers.
func sessions() []table {
	one := func(name, title, dir, train, test string, want []float64, lines []published, small []string, short bool) table {
		return table{
			name: name, title: title,
			about: "Every given prefix of a test session is a case, its next item the target; full ranking, and repeats\n" +
				"are ranked like everything else. SR-GNN's and GCE-GNN's numbers are as they are usually\n" +
				"quoted from the papers (AAAI 2019, SIGIR 2020), V-SKNN was run on these files. \"recency\" gives the\n" +
				"session's own items, the newest first, and nothing else.",
			files:   []file{{dir + "/all_train_seq.plain.txt.gz", train}, {dir + "/test.plain.txt.gz", test}},
			args:    []string{"--protocol", "sessions", "--at", "20", "--events", dir + "/all_train_seq.plain.txt.gz"},
			test:    []string{"--test", dir + "/test.plain.txt.gz"},
			columns: []column{recall("P@20", 20), mrr("MRR@20", 20), recallOn("P@20 of repeats", "repeat", 20), recallOn("P@20 of new items", "new", 20)},
			percent: true, published: lines, want: want,
			runs: []run{
				{model: "popular", through: "float", short: short},
				{model: "auto", through: "module", nightly: short},
				{model: "auto", choices: small, through: "module"},
			},
		}
	}
	return []table{
		one("yoochoose", "Yoochoose 1/64", "yoochoose/srgnn_1_64",
			"da000be516f4c54ebc762a27b7b4a41ea2eba547e2f3504638caa8d6d2685b5a", "9decf90095ee67e3ee68404e9960b0481161252e5fd530efc8a68835e4155cc3",
			[]float64{72.0, 32.6}, []published{
				{"V-SKNN", []float64{66.3, 26.7}}, {"SR-GNN", []float64{70.57, 30.94}},
			}, smallSequences, true),
		one("tmall", "Tmall", "tmall-sessions",
			"8d76b061b4a868e7705ae34b1b10ec38c1f1017899c7bd8700ede26823794965", "ee18f78ca3d2898d080b13f3cbd3d15acdc8b71dad1813008476e72b73f2a4ec",
			[]float64{49.8, 23.3}, []published{
				{"V-SKNN", []float64{38.7, 15.5}}, {"SR-GNN", []float64{27.57, 13.72}}, {"GCE-GNN", []float64{33.42, 15.42}},
			}, smallSequences, false),
		one("nowplaying", "Nowplaying", "nowplaying-sessions",
			"d25aa0b2de389e399417a40da7076fd5f445e896562447c3f0b64d2964c83e65", "174e8f0f6f503722676c01b79622d85935199baa42de0a88d075748422d4f8ae",
			[]float64{25.0, 11.3}, []published{
				{"V-SKNN", []float64{21.5, 6.8}}, {"SR-GNN", []float64{18.87, 7.47}}, {"GCE-GNN", []float64{22.37, 8.40}},
			}, smallWide, false),
		one("retailrocket", "RetailRocket", "retailrocket-sessions",
			"ed1e31407031b88db62d978991d6e288b04d866cb706366f469b08fdc6f33f3d", "07f9e0f834b61821acc59b48dec6798f8579c6fef564369fdc9e35b7cb39dd6f",
			[]float64{60.2, 33.2}, []published{{"V-SKNN", []float64{55.5, 26.8}}}, smallSequences, false),
	}
}
