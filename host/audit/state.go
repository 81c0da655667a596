package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/wasm/abi"
)

const (
	people = 40 // whose requests are made in two orders

	// trace is how many bytes in a row of a request must not be found again:
	// so many random ones are nowhere by chance.
	trace = 16
)

// stateAfter (A17) asks whether anything of one person reaches the next: in an
// answer, or in the instance's memory.
func stateAfter(ctx context.Context, s *subject, f *finding) {
	if !s.opened(f) {
		return
	}
	if err := s.orders(ctx, f); err != nil {
		f.fail("%v", err)
	} else if err := s.leftovers(ctx, f); err != nil {
		f.fail("%v", err)
	}
}

// orders answers every request three times: after the request before it, after
// the one behind it, and in an instance that gets them in the opposite order.
func (s *subject) orders(ctx context.Context, f *finding) error {
	var forward, backward []int
	for k := range people {
		forward = append(forward, k, (k+1)%people, k) // A, B, A
		backward = append(backward, people-1-k)
	}
	answers := map[int][32]byte{}
	for _, order := range [][]int{forward, backward} {
		hashes, err := s.inOrder(ctx, order)
		if err != nil {
			return err
		}
		for at, k := range order {
			if want, asked := answers[k]; asked && want != hashes[at] {
				f.fail("request %d is answered otherwise after another one", k)
			}
			answers[k] = hashes[at]
		}
	}
	f.note("orders", "%d requests as A, B, A and in the opposite order", people)
	return nil
}

// inOrder returns the hashes of a new instance's answers to these requests.
func (s *subject) inOrder(ctx context.Context, order []int) (hashes [][32]byte, err error) {
	i, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	for _, k := range order {
		status, said, err := i.recommend(ctx, s.request(k))
		if err != nil {
			return nil, fmt.Errorf("request %d: %w", k, err)
		}
		hashes = append(hashes, answerHash(status == abi.StatusOK, said))
	}
	return hashes, nil
}

// leftovers makes requests that hold what nothing else does, and looks for it
// in all of the linear memory.
func (s *subject) leftovers(ctx context.Context, f *finding) (err error) {
	i, err := s.ready(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	if _, _, err := i.recommend(ctx, s.request(0)); err != nil {
		return err
	}
	for _, c := range s.canaries() {
		before := bytes.Clone(i.memory())
		ptr, err := i.put(ctx, c.request)
		if err != nil {
			return err
		}
		if !bytes.Contains(i.memory(), c.request) {
			return fmt.Errorf("%s: not in memory before the answer, so to look for it there is no use", c.name)
		}
		if _, _, err := i.status(ctx, abi.ExportRecommend, ptr, uint64(len(c.request))); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		memory := i.memory()
		buffer := memory[ptr:][:len(c.request)]
		if !bytes.Equal(buffer, make([]byte, len(buffer))) {
			f.fail("%s: the request's buffer is not overwritten with zeros", c.name)
		}
		found := 0
		for _, piece := range c.pieces {
			if bytes.Contains(memory, piece) {
				found++
			}
		}
		f.note(c.name, "%d of %d pieces are still in memory, where %d bytes are not what they were before", found, len(c.pieces), changed(before, memory))
		if found > 0 {
			f.fail("%s: still in memory after the answer", c.name)
		}
	}
	f.note("memory looked through", "%d bytes", len(i.memory()))
	return nil
}

// changed counts the bytes that differ.
func changed(before, after []byte) (n int) {
	for i, b := range after {
		if i >= len(before) && b != 0 || i < len(before) && before[i] != b {
			n++
		}
	}
	return n
}

// canary is a request with bytes that are nowhere else.
type canary struct {
	name    string
	request []byte
	pieces  [][]byte // that must not be found
}

// canaries are the same in every run.
func (s *subject) canaries() []canary {
	word := func(name string) string { return hexHash([]byte("canary of an audit: " + name)) }
	id, excluded := word("history"), word("exclude")
	known := profile.Event{Item: s.file.ID(0), Kind: profile.KindLike, Weight: profile.One}
	unknown := profile.Event{Item: id, Kind: profile.KindView, Time: s.at, Weight: profile.One}
	req := slate.Request{K: 1, Now: s.at, Reasons: 2, History: []profile.Event{unknown, known}}
	whole := req.Append(nil)
	list := []canary{
		{"an item of the history", whole, pieces([]byte(id))},
		{"an item, in a request that is cut off", whole[:len(whole)-1], pieces([]byte(id))},
	}

	req.History, req.Exclude = []profile.Event{known}, []string{excluded}
	list = append(list, canary{"an item to leave out", req.Append(nil), pieces([]byte(excluded))})

	// As the core keeps them: 64 bits each.
	times := canary{name: "times of events"}
	req.History, req.Exclude = nil, nil
	for n := range min(8, s.manifest.Limits.History) {
		e := profile.Event{Item: s.file.ID(n % s.manifest.Limits.Items), Kind: profile.KindView, Weight: profile.One}
		e.Time = int64(binary.LittleEndian.Uint64([]byte(word(strconv.Itoa(n)))) % profile.MaxTime)
		req.History = append(req.History, e)
		times.pieces = append(times.pieces, binary.LittleEndian.AppendUint64(nil, uint64(e.Time)))
	}
	times.request = req.Append(nil)
	list = append(list, times)
	times.name, times.request = "times, in a request that is cut off", times.request[:len(times.request)-1]
	list = append(list, times)

	if d := s.manifest.Limits.Dim; d > 0 {
		v := make([]float32, d)
		for f := range v {
			v[f] = float32(int32(binary.LittleEndian.Uint32([]byte(word(strconv.Itoa(f))))))/(1<<31) - .25
		}
		vector := wire.AppendFloat32s(nil, v)
		list = append(list, canary{"a vector", slate.Request{K: 1, Vector: vector}.Append(nil), pieces(vector)})
	}
	return list
}

// pieces cuts canary into all its parts of trace bytes.
func pieces(canary []byte) (list [][]byte) {
	for at := 0; at+trace <= len(canary); at++ {
		list = append(list, canary[at:at+trace])
	}
	return list
}
