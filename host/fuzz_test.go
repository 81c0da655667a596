package host

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

// sequence makes an instance do what a program of bytes says: any export, with
// documents that are right or have a byte changed, and with pointers that are
// right, nearly right, used up and wrong.
type sequence struct {
	raw
	program  []byte
	docs     [][]byte
	pointers []uint64
	seen     map[abi.Status]int
}

// pick takes a number below n, which is above 0, from the program: as many bytes
// as it takes, and 0 for each that the program does not have any more.
func (s *sequence) pick(n int) int {
	v := 0
	for most := n - 1; most > 0; most >>= 8 {
		v <<= 8
		if len(s.program) > 0 {
			v, s.program = v|int(s.program[0]), s.program[1:]
		}
	}
	return v % n
}

func (s *sequence) pointer() uint64 {
	p := s.pointers[max(0, len(s.pointers)-1-s.pick(6))]
	if s.pick(10) == 9 {
		p += uint64(s.pick(3))
	}
	return p & 0xffffffff
}

func (s *sequence) length() uint64 {
	n := len(s.docs[s.pick(len(s.docs))])
	switch s.pick(10) {
	case 8:
		return uint64(s.pick(n + 1))
	case 9:
		return uint64(s.pick(1<<31)) * 3 & 0xffffffff
	}
	return uint64(n)
}

// doc puts one of the documents, of which a byte may be another one.
func (s *sequence) doc(which int) (ptr, length uint64) {
	b := s.docs[which]
	if s.pick(4) == 3 {
		b = bytes.Clone(b)
		b[s.pick(len(b))] ^= byte(s.pick(256))
	}
	ptr = s.put(b)
	s.pointers = append(s.pointers, ptr)
	return ptr, uint64(len(b))
}

// The documents of a sequence.
const (
	docRoot = iota
	docFile
	docQuestion
	docItems
	docState
	docBundle // that opens with the state
	docFollow // and what follows it
)

func (s *sequence) run() {
	s.seen = map[abi.Status]int{}
	for len(s.program) > 0 {
		var status abi.Status
		var answer []byte
		switch s.pick(14) {
		case 0:
			_, _ = s.doc(s.pick(len(s.docs)))
			continue
		case 1:
			status, _ = s.call(abi.ExportOpen, s.pointer(), s.length(), s.pointer(), s.length(), created)
		case 2:
			anchor, n := s.doc(docRoot)
			file, size := s.doc(docFile)
			status, _ = s.call(abi.ExportOpen, anchor, n, file, size, created)
		case 3:
			anchor, n := s.doc(docState)
			file, size := s.doc(docBundle)
			if status, answer = s.call(abi.ExportOpen, anchor, n, file, size, channeltest.Now); status == abi.StatusOK && len(answer) == 0 {
				s.t.Fatal("a bundle is open by a state, and there is none to store")
			}
		case 4, 5:
			anchor, n := s.doc(docRoot)
			file, size := s.doc(docFile)
			have := size - uint64(s.pick(100))
			if s.pick(2) == 1 {
				have = uint64(s.pick(int(size) + 2))
			}
			if s.pick(4) == 3 {
				file = s.pointer()
			}
			status, _ = s.call(abi.ExportOpenEarly, anchor, n, file, size, have, created)
		case 6:
			status, _ = s.call(abi.ExportComplete)
		case 7:
			status, _ = s.call(abi.ExportItems, s.pointer(), s.length())
		case 8:
			status, _ = s.call(abi.ExportRecommend, s.pointer(), s.length())
		case 9:
			status, _ = s.call(abi.ExportFollow, s.pointer(), s.length())
		case 10:
			ptr, n := s.doc(docFollow + s.pick(len(s.docs)-docFollow))
			status, answer = s.call(abi.ExportFollow, ptr, n)
			if status == abi.StatusOK {
				if _, err := bundle.ParseStep(answer); err != nil {
					s.t.Fatalf("a step that is none: %v", err)
				}
			}
		case 11:
			status, _ = s.call(abi.ExportManifest)
		case 12:
			s.alloc(0)
			s.alloc(abi.MaxAlloc + 1 + uint64(s.pick(1<<24)))
			continue
		case 13:
			s.needed()
			continue
		}
		if status == abi.StatusInternal || status > abi.StatusModule {
			s.t.Fatalf("status %v", status)
		}
		s.seen[status]++
	}
}

// alloc asks for a buffer that the module must not give.
func (s *sequence) alloc(n uint64) {
	s.t.Helper()
	if p, err := s.g.call(context.Background(), abi.ExportAlloc, n&0xffffffff); err != nil || p != 0 {
		s.t.Fatalf("a buffer of %d bytes: at %d, %v", n, p, err)
	}
}

// sequences returns what runs a program on an instance of its own: nothing
// traps, no status is internal, and afterwards the instance opens a bundle and
// answers.
func sequences(t testing.TB) func(t *testing.T, program []byte) map[abi.Status]int {
	t.Helper()
	root, file := worldOf(t, twoStages)
	h := open(t, root, file, false, 1)
	want, err := h.Call(context.Background(), abi.ExportRecommend, question)
	if err != nil {
		t.Fatal(err)
	}
	m := channeltest.NewMirror()
	docs := [][]byte{root, file, question, slate.AppendItemsRequest(nil, []uint32{1}), m.State, m.Bundles[2]}
	for _, name := range []string{"", bundle.RootName, bundle.HeadName, bundle.ReleaseName(m.Release.Digest)} {
		docs = append(docs, bundle.AppendFollow(nil, m.State, "", bundle.Followed{Name: name, File: m.Files[name]}, m.Now))
	}
	return func(t *testing.T, program []byte) map[abi.Status]int {
		t.Helper()
		s := sequence{raw: bare(t, h), program: program, docs: docs, pointers: []uint64{0}}
		defer func() {
			if err := s.g.module.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		s.run()
		s.want(abi.StatusOK, abi.ExportOpen, s.put(root), uint64(len(root)), s.put(file), uint64(len(file)), created)
		if got := s.want(abi.StatusOK, abi.ExportRecommend, s.put(question), uint64(len(question))); !bytes.Equal(got, want) {
			t.Fatalf("afterwards: got %x, want %x", got, want)
		}
		return s.seen
	}
}

// random is a program of n bytes.
func random(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 9))
	program := make([]byte, n)
	for i := range program {
		program[i] = byte(rnd.Uint32())
	}
	return program
}

// TestNoOrderOfCallsBreaksAnInstance runs long programs.
func TestNoOrderOfCallsBreaksAnInstance(t *testing.T) {
	run := sequences(t)
	length := 3000
	if testing.Short() {
		length = 1000
	}
	for seed := range uint64(3) {
		if seen := run(t, random(seed, length)); len(seen) < 8 {
			t.Errorf("seed %d: the calls came to no more than %v", seed, seen)
		}
	}
}

// FuzzSequence runs short ones.
func FuzzSequence(f *testing.F) {
	run := sequences(f)
	for seed := range uint64(8) {
		f.Add(random(seed, 100))
	}
	f.Add([]byte{2, 0, 0, 0, 0, 8, 3, 0, 0, 10, 2, 0})
	f.Fuzz(func(t *testing.T, program []byte) { run(t, program[:min(len(program), 300)]) })
}
