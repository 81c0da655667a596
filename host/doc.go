// Package host embeds the sealed module in a Go program: an edge worker that
// recommends from a history which comes with the request and is kept nowhere.
//
//	h, err := host.Open(ctx, host.Config{Root: root, Bundle: bundle})
//	slate, err := h.Recommend(ctx, slate.Request{K: 10, History: events})
//	http.Handle("/v1/", h.Handler())
//
// A program that runs for days follows a channel instead:
//
//	f, err := host.Follow(ctx, host.FollowConfig{URL: url, Dir: dir, Root: root, Channel: "news"})
//	go f.Run(ctx, 10*time.Minute)
//	http.Handle("/v1/", f.Handler())
//
// It begins with a root, follows its successors, and takes each new bundle into
// use between two requests; what it has of a bundle it does not fetch again. On
// any failure the last good bundle stays, also over restarts without a network.
// What it has seen it never goes behind: the state is on the disk, twice, before
// anything is done with it. The module decides what to believe and which file
// comes next; this package fetches and stores, and no history reaches that part.
//
// What ranks is the module that an auditor can read, not a native twin. It is
// instantiated with no host modules at all, so it reaches nothing; a module
// that imports anything is refused.
package host
