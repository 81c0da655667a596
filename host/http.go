package host

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

// maxBody bounds a request, in bytes: a full history of long ids fits.
const maxBody = 2 << 20

// httpRequest is the body of POST /v1/recommend.
type httpRequest struct {
	K       int         `json:"k"`       // 0: 10, or the bundle's limit if that is lower
	Reasons int         `json:"reasons"` // per item
	Exclude []string    `json:"exclude"`
	AnyTags []string    `json:"any_tags"` // an item must have one of them
	NoTags  []string    `json:"no_tags"`  // and none of these
	History []httpEvent `json:"history"`  // oldest first
	Seen    *bool       `json:"seen"`     // whether items of the history may be answered; absent: what the bundle says

	Diversity float64 `json:"diversity"` // 0 … 1: how much unlikeness to what stands before counts beside the score
}

type httpEvent struct {
	Item   string   `json:"item"`
	Kind   string   `json:"kind"`   // "": click
	Time   int64    `json:"time"`   // Unix seconds
	Weight *float64 `json:"weight"` // absent: 1
}

// HTTPAnswer is the answer's body, and what the command prints as JSON.
type HTTPAnswer struct {
	Items   []HTTPItem  `json:"items"`
	Receipt HTTPReceipt `json:"receipt"`
}

// HTTPItem is one place of the slate.
type HTTPItem struct {
	Index   uint32       `json:"index"`
	ID      string       `json:"id"`
	Title   string       `json:"title"`
	Score   int64        `json:"score"`
	Reasons []HTTPReason `json:"reasons"`
}

// HTTPReason is an event's part in an item's score.
type HTTPReason struct {
	Item  string  `json:"item"`  // id of the event's item
	Event int     `json:"event"` // position in the request's history
	Share float64 `json:"share"` // of the sum of all parts by size
}

// HTTPReceipt says what the slate was computed from.
type HTTPReceipt struct {
	Manifest string `json:"manifest"` // SHA-256, hexadecimal
	Channel  string `json:"channel"`
	Version  uint64 `json:"version"`
	Ranked   int    `json:"ranked"`
	Used     int    `json:"used"`
	Unknown  int    `json:"unknown"`
	Cold     bool   `json:"cold"`
}

// Answer puts a slate into the words of the HTTP interface; history is the
// request's, which reasons point into.
func Answer(s slate.Slate, history []profile.Event) HTTPAnswer {
	a := HTTPAnswer{Items: []HTTPItem{}, Receipt: HTTPReceipt{
		Manifest: hex.EncodeToString(s.Receipt.Manifest[:]), Channel: s.Receipt.Channel, Version: s.Receipt.Version,
		Ranked: s.Receipt.Ranked, Used: s.Receipt.Used, Unknown: s.Receipt.Unknown, Cold: s.Receipt.Cold,
	}}
	for _, it := range s.Items {
		item := HTTPItem{Index: it.Index, ID: it.ID, Title: it.Title, Score: it.Score, Reasons: []HTTPReason{}}
		for _, r := range it.Reasons {
			item.Reasons = append(item.Reasons, HTTPReason{Item: history[r.Event].Item, Event: r.Event, Share: float64(r.Share) / 10000})
		}
		a.Items = append(a.Items, item)
	}
	return a
}

// handler answers over HTTP from the host that holding gives. It lets go of it
// before anything is written: a client that reads slowly keeps no bundle.
type handler struct {
	hold func() (h *Host, release func(), err error)
}

// Handler serves POST /v1/recommend and GET /healthz. The history comes with
// the request; nothing of it is stored or logged. Errors are
// {"error":{"code","message"}} with the names of package abi, and "busy" when
// the request's context ended before an instance was free; 503 means that
// another host may do better. There are no CORS headers, so only pages of the
// same origin can ask. Time-outs are the http.Server's to set.
func (h *Host) Handler() http.Handler {
	return handler{func() (*Host, func(), error) { return h, func() {}, nil }}.mux()
}

func (s handler) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/recommend", s.serveRecommend)
	mux.HandleFunc("/v1/recommend", refuseMethod("POST"))
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.HandleFunc("/healthz", refuseMethod("GET, HEAD"))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, abi.StatusRequest.String(), fmt.Sprintf("path %q: want /v1/recommend or /healthz", r.URL.Path))
	})
	return mux
}

func refuseMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, abi.StatusRequest.String(), fmt.Sprintf("method %q: want %s", r.Method, allow))
	}
}

func (s handler) serveHealth(w http.ResponseWriter, _ *http.Request) {
	m, err := s.health()
	if err != nil {
		refuseError(w, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"channel": m.Channel, "version": m.Version})
}

// health returns the manifest of the bundle that answers.
func (s handler) health() (bundle.Manifest, error) {
	h, release, err := s.hold()
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer release()
	return h.manifest, h.ready()
}

func (s handler) serveRecommend(w http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(kind); err != nil || t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, abi.StatusRequest.String(), fmt.Sprintf("content type %q: want application/json", kind))
		return
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		refuse(w, http.StatusRequestEntityTooLarge, abi.StatusLimit.String(), fmt.Sprintf("body: want at most %d bytes", maxBody))
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, abi.StatusRequest.String(), err.Error())
		return
	}
	answer, err := s.recommend(r.Context(), body)
	if err != nil {
		refuseError(w, err)
		return
	}
	respond(w, http.StatusOK, answer)
}

func (s handler) recommend(ctx context.Context, body httpRequest) (HTTPAnswer, error) {
	h, release, err := s.hold()
	if err != nil {
		return HTTPAnswer{}, err
	}
	defer release()
	req, err := body.request(h.manifest.Limits)
	if err != nil {
		return HTTPAnswer{}, err
	}
	slate, err := h.Recommend(ctx, req)
	if err != nil {
		return HTTPAnswer{}, err
	}
	return Answer(slate, req.History), nil
}

// readBody reads one JSON object and nothing after it.
func readBody(r io.Reader) (body httpRequest, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return httpRequest{}, fmt.Errorf("body: %w", err)
	}
	switch token, err := d.Token(); {
	case err == io.EOF:
		return body, nil
	case err != nil:
		return httpRequest{}, fmt.Errorf("body: after the object: %w", err)
	default:
		return httpRequest{}, fmt.Errorf("body: %q after the object: want its end", fmt.Sprint(token))
	}
}

// request turns the body into core's words. It checks what they cannot say,
// and what the module could only blame on a byte of a document that the client
// never saw. Errors are *Error.
func (b httpRequest) request(limits bundle.Limits) (slate.Request, error) {
	req := slate.Request{K: cmp.Or(b.K, min(10, limits.K)), Reasons: b.Reasons, Exclude: b.Exclude, AnyTags: b.AnyTags, NoTags: b.NoTags}
	switch {
	case req.K < 0:
		return slate.Request{}, refusal(abi.StatusRequest, "k %d: want 1 to %d", req.K, limits.K)
	case req.K > limits.K:
		return slate.Request{}, refusal(abi.StatusLimit, "k %d: want 1 to %d", req.K, limits.K)
	case req.Reasons < 0:
		return slate.Request{}, refusal(abi.StatusRequest, "reasons %d: want 0 to %d", req.Reasons, slate.MaxReasons)
	case req.Reasons > slate.MaxReasons:
		return slate.Request{}, refusal(abi.StatusLimit, "reasons %d: want 0 to %d", req.Reasons, slate.MaxReasons)
	case !(b.Diversity >= 0 && b.Diversity <= 1):
		return slate.Request{}, refusal(abi.StatusRequest, "diversity %v: want 0 to 1", b.Diversity)
	case len(b.AnyTags) > slate.MaxTags || len(b.NoTags) > slate.MaxTags:
		return slate.Request{}, refusal(abi.StatusLimit, "tags: %d and %d: want at most %d of each", len(b.AnyTags), len(b.NoTags), slate.MaxTags)
	case len(b.History) > limits.History:
		return slate.Request{}, refusal(abi.StatusLimit, "history: %d events: want at most %d", len(b.History), limits.History)
	}
	req.Diversity = uint32(math.Round(b.Diversity * profile.One))
	if b.Seen != nil {
		req.Seen = slate.SeenHide
		if *b.Seen {
			req.Seen = slate.SeenShow
		}
	}
	for i, e := range b.History {
		kind, ok := profile.ParseKind(cmp.Or(e.Kind, profile.KindClick.String()))
		weight := 1.0
		if e.Weight != nil {
			weight = *e.Weight
		}
		switch {
		case e.Item == "" || len(e.Item) > profile.MaxID:
			return slate.Request{}, refusal(abi.StatusRequest, "history[%d]: item %.40q: want 1 to %d bytes", i, e.Item, profile.MaxID)
		case !ok:
			return slate.Request{}, refusal(abi.StatusRequest, "history[%d]: kind %.40q: want view, click, like, buy or hide", i, e.Kind)
		case e.Time < 0 || e.Time > profile.MaxTime:
			return slate.Request{}, refusal(abi.StatusRequest, "history[%d]: time %d: want Unix seconds, 0 to %d", i, e.Time, profile.MaxTime)
		case weight < 0 || weight > profile.MaxWeight/profile.One:
			return slate.Request{}, refusal(abi.StatusRequest, "history[%d]: weight %v: want 0 to %d", i, weight, profile.MaxWeight/profile.One)
		}
		req.History = append(req.History, profile.Event{
			Item: e.Item, Kind: kind, Time: e.Time, Weight: uint32(math.Round(weight * profile.One)),
		})
	}
	return req, nil
}

func refusal(code abi.Status, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// refuseError answers an error of Call or request. Of a
// failure inside the module the client learns no more than that.
func refuseError(w http.ResponseWriter, err error) {
	var e *Error
	switch {
	case errors.As(err, &e) && (e.Code == abi.StatusRequest || e.Code == abi.StatusLimit):
		refuse(w, http.StatusBadRequest, e.Code.String(), e.Message)
	case errors.As(err, &e) && e.Code == abi.StatusExpired:
		refuse(w, http.StatusServiceUnavailable, e.Code.String(), e.Message)
	case errors.Is(err, ErrNotOpen):
		code := abi.StatusNotOpen
		if e != nil {
			code = e.Code
		}
		refuse(w, http.StatusServiceUnavailable, code.String(), err.Error())
	case errors.Is(err, ErrClosed):
		refuse(w, http.StatusServiceUnavailable, abi.StatusNotOpen.String(), "the host is closed")
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusServiceUnavailable, "busy", "no instance became free in time")
	default:
		refuse(w, http.StatusInternalServerError, abi.StatusInternal.String(), "the module failed")
	}
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A failed write means that the client has gone: there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	respond(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}
