package host

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

// maxBody bounds a request: a full history of long ids fits.
const maxBody = 2 << 20

// httpRequest is the body of POST /v1/recommend.
type httpRequest struct {
	K       int         `json:"k"`       // 0: 10
	Reasons int         `json:"reasons"` // per item
	Exclude []string    `json:"exclude"`
	History []httpEvent `json:"history"`
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

// Handler serves POST /v1/recommend and GET /healthz. The history comes with
// the request; nothing of it is stored or logged.
func (h *Host) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/recommend", h.serveRecommend)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"channel": h.manifest.Channel, "version": h.manifest.Version})
	})
	return mux
}

func (h *Host) serveRecommend(w http.ResponseWriter, r *http.Request) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, abi.StatusRequest.String(), "want the content type application/json")
		return
	}
	var body httpRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(&body)
	if err == nil {
		if _, extra := d.Token(); extra != io.EOF {
			err = errors.New("want one JSON object")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, abi.StatusLimit.String(), fmt.Sprintf("want at most %d bytes", maxBody))
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, abi.StatusRequest.String(), err.Error())
		return
	}
	req, err := body.request()
	if err != nil {
		refuse(w, http.StatusBadRequest, abi.StatusRequest.String(), err.Error())
		return
	}
	s, err := h.Recommend(r.Context(), req)
	var refused *Error
	switch {
	case errors.As(err, &refused) && (refused.Code == abi.StatusRequest || refused.Code == abi.StatusLimit):
		refuse(w, http.StatusBadRequest, refused.Code.String(), refused.Message)
	case err != nil && r.Context().Err() != nil:
		refuse(w, http.StatusServiceUnavailable, "busy", "no instance became free in time")
	case err != nil:
		refuse(w, http.StatusInternalServerError, abi.StatusInternal.String(), "the module failed; the request can be tried again")
	default:
		respond(w, http.StatusOK, Answer(s, req.History))
	}
}

// request checks what JSON cannot and turns the body into core's words.
func (b httpRequest) request() (slate.Request, error) {
	if b.K < 0 || b.Reasons < 0 {
		return slate.Request{}, errors.New("k and reasons: want no negative number")
	}
	req := slate.Request{K: b.K, Reasons: b.Reasons, Exclude: b.Exclude}
	if req.K == 0 {
		req.K = 10
	}
	for i, e := range b.History {
		event := profile.Event{Item: e.Item, Kind: profile.KindClick, Time: e.Time, Weight: profile.One}
		if e.Kind != "" {
			var ok bool
			if event.Kind, ok = profile.ParseKind(e.Kind); !ok {
				return slate.Request{}, fmt.Errorf("history[%d]: kind %q: want view, click, like, buy or hide", i, e.Kind)
			}
		}
		if e.Weight != nil {
			w := *e.Weight * profile.One
			if !(w >= 0 && w <= profile.MaxWeight) {
				return slate.Request{}, fmt.Errorf("history[%d]: weight %v: want 0 to 16", i, *e.Weight)
			}
			event.Weight = uint32(math.Round(w))
		}
		if e.Time < 0 || e.Time > profile.MaxTime {
			return slate.Request{}, fmt.Errorf("history[%d]: time %d: want Unix seconds", i, e.Time)
		}
		req.History = append(req.History, event)
	}
	return req, nil
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
