package tlog_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/nearside/nearside/model/core/tlog"
)

// signer is a key with its secret half. It signs as the specifications say,
// with a time of the test's choice, and shares no line with the package.
type signer struct {
	tlog.Key
	sign     func(text []byte, time uint64) []byte
	verifier note.Verifier // what others make of the key
}

// newSigner derives a key from its name.
func newSigner(tb testing.TB, name string, algorithm tlog.Algorithm) *signer {
	tb.Helper()
	seed := sha256.Sum256([]byte(name))
	s := &signer{Key: tlog.Key{Name: name, Algorithm: algorithm}}
	if algorithm == tlog.MLDSA44Cosignature {
		sk, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed[:])
		if err != nil {
			tb.Fatal(err)
		}
		s.Public = sk.PublicKey().Bytes()
		s.sign = func(text []byte, time uint64) []byte {
			f := strings.Split(string(text), "\n")
			var size uint64
			fmt.Sscan(f[1], &size)
			root, _ := base64.StdEncoding.DecodeString(f[2])
			message := "subtree/v1\n\x00" + prefixed(name) + word(time) + prefixed(f[0]) + word(0) + word(size) + string(root)
			sig, err := sk.SignDeterministic([]byte(message), nil)
			if err != nil {
				tb.Fatal(err)
			}
			return append([]byte(word(time)), sig...)
		}
	} else {
		sk := ed25519.NewKeyFromSeed(seed[:])
		s.Public = sk.Public().(ed25519.PublicKey)
		s.sign = func(text []byte, time uint64) []byte {
			if algorithm == tlog.Ed25519 {
				return ed25519.Sign(sk, text)
			}
			return append([]byte(word(time)), ed25519.Sign(sk, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, text))...)
		}
	}
	var err error
	if s.verifier, err = formats.NewVerifier(s.String()); err != nil {
		tb.Fatalf("%s: %v", s.String(), err)
	}
	return s
}

func prefixed(s string) string { return string([]byte{byte(len(s))}) + s }

func word(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// line returns a signature line of text.
func (s *signer) line(text []byte, time uint64) string {
	return line(s.Name, s.verifier.KeyHash(), s.sign(text, time))
}

func line(name string, keyID uint32, sig []byte) string {
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, keyID), sig...)) + "\n"
}

// now is the time of signatures that do not care.
const now = 1_800_000_000

// checkpoint returns the text, with extension lines, and a line of each signer.
func checkpoint(text string, signers ...*signer) string {
	note := text + "\n"
	for _, s := range signers {
		note += s.line([]byte(text), now)
	}
	return note
}

// headText returns the three lines of a log's head.
func headText(origin string, size uint64, root []byte) string {
	return string(log.Checkpoint{Origin: origin, Size: size, Hash: root}.Marshal())
}

// tree is a log's entries and all hashes over them.
type tree struct {
	entries [][]byte
	hashes  []sumdb.Hash
}

func (tr *tree) ReadHashes(indexes []int64) ([]sumdb.Hash, error) {
	var list []sumdb.Hash
	for _, i := range indexes {
		list = append(list, tr.hashes[i])
	}
	return list, nil
}

func (tr *tree) add(tb testing.TB, entry []byte) {
	tb.Helper()
	hashes, err := sumdb.StoredHashes(int64(len(tr.entries)), entry, tr)
	if err != nil {
		tb.Fatal(err)
	}
	tr.entries, tr.hashes = append(tr.entries, entry), append(tr.hashes, hashes...)
}

func newTree(tb testing.TB, n int) *tree {
	tb.Helper()
	tr := &tree{}
	for i := range n {
		tr.add(tb, entry(i))
	}
	return tr
}

// entry returns an entry that no other is, of a length that changes.
func entry(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "entry %d;", i), i%5) }

func (tr *tree) root(tb testing.TB) []byte {
	tb.Helper()
	h, err := sumdb.TreeHash(int64(len(tr.entries)), tr)
	if err != nil {
		tb.Fatal(err)
	}
	return h[:]
}

// prove returns a proof of the entry at index, with a checkpoint of all.
func (tr *tree) prove(tb testing.TB, index int, checkpoint string) []byte {
	tb.Helper()
	path, err := sumdb.ProveRecord(int64(len(tr.entries)), int64(index), tr)
	if err != nil {
		tb.Fatal(err)
	}
	p := tlogproof.TLogProof{Index: uint64(index), Checkpoint: []byte(checkpoint)}
	for _, h := range path {
		p.Hashes = append(p.Hashes, h)
	}
	return p.Marshal()
}

// policyOf returns a policy, and the same as the oracle takes it.
func policyOf(quorum int, log *signer, witnesses ...*signer) (*tlog.Policy, *oracle) {
	p, o := &tlog.Policy{Log: log.Key, Quorum: quorum}, &oracle{log: log.verifier, quorum: quorum}
	for _, w := range witnesses {
		p.Witnesses = append(p.Witnesses, w.Key)
		o.witnesses = append(o.witnesses, w.verifier)
	}
	return p, o
}

// oracle checks proofs with what others have written: proof and cosignatures by
// transparency-dev/formats, notes by x/mod/sumdb/note, paths by x/mod/sumdb/tlog
// and transparency-dev/merkle, which must agree.
type oracle struct {
	log       note.Verifier
	witnesses []note.Verifier
	quorum    int
}

func (o *oracle) verify(b, entry []byte) (in tlog.Inclusion, err error) {
	var p tlogproof.TLogProof
	if err := p.Unmarshal(b); err != nil {
		return in, err
	}
	n, err := note.Open(p.Checkpoint, note.VerifierList(append([]note.Verifier{o.log}, o.witnesses...)...))
	if err != nil {
		return in, err
	}
	signed := func(v note.Verifier) bool {
		return slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() })
	}
	if !signed(o.log) {
		return in, errors.New("not signed by the log")
	}
	for i, w := range o.witnesses {
		if signed(w) {
			in.Witnesses = append(in.Witnesses, i)
		}
	}
	if len(in.Witnesses) < o.quorum {
		return in, errors.New("too few witnesses")
	}
	var c log.Checkpoint
	if _, err := c.Unmarshal([]byte(n.Text)); err != nil {
		return in, err
	}
	if c.Origin != o.log.Name() {
		return in, errors.New("another log")
	}
	in.Index, in.Size = p.Index, c.Size
	var path [][]byte
	var record sumdb.RecordProof
	for _, h := range p.Hashes {
		path = append(path, h[:])
		record = append(record, h)
	}
	err = proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(entry), path, c.Hash)
	const most = 1 << 62 // above it x/mod v0.43.0 looks for a power of two without an end
	if c.Size <= most && p.Index <= most && len(c.Hash) == sumdb.HashSize {
		err2 := sumdb.CheckRecord(record, int64(c.Size), sumdb.Hash(c.Hash), int64(p.Index), sumdb.RecordHash(entry))
		if (err == nil) != (err2 == nil) {
			panic(fmt.Sprintf("the oracles disagree: %v, %v: %q", err, err2, b))
		}
	}
	return in, err
}

// stricter says why the package may refuse a proof that the oracle accepts, or
// "".
func (o *oracle) stricter(b []byte) string {
	var p tlogproof.TLogProof
	var c log.Checkpoint
	if p.Unmarshal(b) != nil || !bytes.Equal(p.Marshal(), b) {
		return "another spelling of the same proof"
	}
	text, lines, _ := strings.Cut(string(p.Checkpoint), "\n\n")
	text += "\n"
	if _, err := c.Unmarshal([]byte(text)); err != nil || !strings.HasPrefix(text, string(c.Marshal())) {
		return "another spelling of the same head"
	}
	switch {
	case len(b) > tlog.MaxBytes:
		return "too long"
	case strings.Contains("\n"+lines, "\n\n"):
		return "empty lines between extension lines"
	case p.Index > math.MaxInt64 || c.Size > math.MaxInt64:
		return "numbers of 2^63 and above"
	case len(p.Hashes) > tlog.MaxHashes || strings.Count(lines, "\n") > tlog.MaxSignatures:
		return "too much"
	case len(c.Origin) > tlog.MaxName:
		return "a long name"
	}
	for l := range strings.Lines(lines) {
		name, text64, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(l, "— "), "\n"), " ")
		sig, err := base64.StdEncoding.DecodeString(text64)
		if err != nil || base64.StdEncoding.EncodeToString(sig) != text64 {
			return "another spelling of the same signature"
		}
		if len(name) > tlog.MaxName {
			return "a long name"
		}
		for _, v := range append([]note.Verifier{o.log}, o.witnesses...) {
			if v.Name() != name || len(sig) < 4 || v.KeyHash() != binary.BigEndian.Uint32(sig) {
				continue
			}
			if !v.Verify([]byte(text), sig[4:]) {
				return "a second signature by a known key, which is wrong"
			}
			if len(sig) != 4+ed25519.SignatureSize && binary.BigEndian.Uint64(sig[4:]) > math.MaxInt64 {
				return "a time that is none"
			}
		}
	}
	return ""
}

// compare fails when package and oracle differ without a reason, and returns
// what the package says.
func compare(tb testing.TB, p *tlog.Policy, o *oracle, b, entry []byte) error {
	tb.Helper()
	got, err := p.Verify(b, entry)
	want, wantErr := o.verify(b, entry)
	switch {
	case err == nil && wantErr != nil:
		tb.Fatalf("accepted, but the oracle says %v: %q", wantErr, b)
	case err == nil && (got.Index != want.Index || got.Size != want.Size || !slices.Equal(got.Witnesses, want.Witnesses)):
		tb.Fatalf("got %+v, the oracle says %+v: %q", got, want, b)
	case err != nil && wantErr == nil && o.stricter(b) == "":
		tb.Fatalf("%v, but the oracle accepts: %q", err, b)
	case err != nil && (got.Index != 0 || got.Size != 0 || got.Witnesses != nil):
		tb.Fatalf("%+v beside the error %v", got, err)
	}
	return err
}
