// Package host embeds the sealed module in a Go program: an edge worker that
// recommends from a history which comes with the request and is kept nowhere.
//
//	h, err := host.Open(ctx, host.Config{Root: root, Bundle: bundle})
//	slate, err := h.Recommend(ctx, slate.Request{K: 10, History: events})
//	http.Handle("/v1/", h.Handler())
//
// What ranks is the module that an auditor can read, not a native twin. It is
// instantiated with no host modules at all, so it reaches nothing; a module
// that imports anything is refused.
package host
