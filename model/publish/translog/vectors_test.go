package translog_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/publish/translog"
)

var update = flag.Bool("update", false, "rewrite testdata/tlog")

// vector is a proof and what a verifier must make of it. The files of
// testdata/tlog have one verdict each; model/core/tlog runs them.
type vector struct {
	Name      string   `json:"name"`
	Log       string   `json:"log"`
	Witnesses []string `json:"witnesses"`
	Quorum    int      `json:"quorum"`
	Entry     []byte   `json:"entry"` // base64
	Proof     string   `json:"proof"`
	Verdict   string   `json:"verdict"`           // accepted, policy, syntax, log, witnesses, entry
	Index     uint64   `json:"index,omitempty"`   // of what is accepted
	Size      uint64   `json:"size,omitempty"`    //
	Counted   []int    `json:"counted,omitempty"` // places in witnesses
}

// fixedSigner has the same key for the same name and algorithm always.
func fixedSigner(tb testing.TB, name string, algorithm tlog.Algorithm) *translog.Signer {
	tb.Helper()
	seed := sha256.Sum256(append([]byte(name), byte(algorithm)))
	k := tlog.Key{Name: name, Algorithm: algorithm}
	if algorithm == tlog.MLDSA44Cosignature {
		sk, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed[:])
		if err != nil {
			tb.Fatal(err)
		}
		k.Public = sk.PublicKey().Bytes()
	} else {
		k.Public = ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	}
	s, err := translog.ParseSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, k.ID(), base64.StdEncoding.EncodeToString(append([]byte{byte(algorithm)}, seed[:]...))))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestVectorsAreWhatTheySay makes the vectors and holds them to core/tlog. With
// -update it writes them.
func TestVectorsAreWhatTheySay(t *testing.T) {
	byVerdict := map[string][]vector{}
	names := map[string]bool{}
	for _, v := range vectors(t) {
		if names[v.Name] {
			t.Errorf("two vectors are called %s", v.Name)
		}
		names[v.Name] = true
		if v.Witnesses == nil {
			v.Witnesses = []string{} // and not null
		}
		byVerdict[v.Verdict] = append(byVerdict[v.Verdict], v)
		p := tlog.Policy{Log: parseKey(t, v.Log), Quorum: v.Quorum}
		for _, w := range v.Witnesses {
			p.Witnesses = append(p.Witnesses, parseKey(t, w))
		}
		in, err := p.Verify([]byte(v.Proof), v.Entry)
		if got := verdict(err); got != v.Verdict || in.Index != v.Index || in.Size != v.Size || fmt.Sprint(in.Witnesses) != fmt.Sprint(v.Counted) {
			t.Errorf("%s: got %s, %+v, %v; want %s, %d of %d, %v", v.Name, got, in, err, v.Verdict, v.Index, v.Size, v.Counted)
		}
	}
	if !*update {
		return
	}
	dir := filepath.Join("..", "..", "..", "testdata", "tlog")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for verdict, list := range byVerdict {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(list); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, verdict+".json"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parseKey(t *testing.T, vkey string) tlog.Key {
	t.Helper()
	k, err := tlog.ParseKey(vkey)
	if err != nil {
		t.Fatalf("%s: %v", vkey, err)
	}
	return k
}

func verdict(err error) string {
	switch e := err.(type) {
	case nil:
		return "accepted"
	case *tlog.SyntaxError:
		return "syntax"
	default:
		return map[error]string{tlog.ErrPolicy: "policy", tlog.ErrLog: "log", tlog.ErrWitnesses: "witnesses", tlog.ErrEntry: "entry"}[e]
	}
}

func vectors(t *testing.T) (list []vector) {
	ed, ml := fixedSigner(t, origin, tlog.Ed25519), fixedSigner(t, origin, tlog.MLDSA44Cosignature)
	w1, w2, w3 := fixedSigner(t, "w1.example", tlog.Ed25519Cosignature), fixedSigner(t, "w2.example", tlog.MLDSA44Cosignature), fixedSigner(t, "w3.example", tlog.Ed25519Cosignature)
	other, stranger := fixedSigner(t, "other.example/log", tlog.Ed25519), fixedSigner(t, "stranger.example", tlog.Ed25519Cosignature)
	impostor := fixedSigner(t, origin, tlog.Ed25519Cosignature) // the log's name, and not its key

	store, mlStore, otherStore := newMemory(), newMemory(), newMemory()
	newLog(t, store, ed, 0)
	sizes := map[int]*memory{}
	for _, n := range []int{0, 1, 2, 3, 7, 8, 12, 256, 257, 300} {
		head, err := tlog.ParseCheckpoint(store.files["checkpoint"])
		if err != nil {
			t.Fatal(err)
		}
		grow(t, store, ed, entries(int(head.Size), n)...)
		sizes[n] = store.clone()
	}
	newLog(t, mlStore, ml, 12)
	newLog(t, otherStore, other, 12)

	prove := func(store *memory, index int) string {
		b, err := translog.Prove(ctx, store, uint64(index))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	line := func(store *memory, w *translog.Signer, log *translog.Signer, at uint64) string {
		b, err := (&translog.Witness{Signer: w, Log: log.Key}).Cosign(store.files["checkpoint"], nil, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	keys := func(signers ...*translog.Signer) (list []string) {
		for _, s := range signers {
			list = append(list, s.Key.String())
		}
		return list
	}
	add := func(v vector) { list = append(list, v) }
	accept := func(name string, v vector, counted ...int) {
		v.Name, v.Verdict, v.Counted = name, "accepted", counted
		add(v)
	}

	for _, at := range [][2]int{{1, 0}, {2, 0}, {2, 1}, {3, 2}, {7, 4}, {8, 7}, {256, 255}, {257, 256}, {300, 0}, {300, 123}, {300, 299}} {
		accept(fmt.Sprintf("entry %d of %d", at[1], at[0]), vector{Log: ed.Key.String(), Entry: entry(at[1]), Proof: prove(sizes[at[0]], at[1]), Index: uint64(at[1]), Size: uint64(at[0])})
	}
	// What follows is about entry 10 of 12, whose path has 3 hashes.
	twelve := sizes[12]
	bare := prove(twelve, 10)
	c1, c2, c3 := line(twelve, w1, ed, now), line(twelve, w2, ed, now), line(twelve, w3, ed, now)
	hashes := strings.Split(bare, "\n")[2:5]
	logLine := bare[strings.Index(bare, "— "):]
	text := bare[strings.Index(bare, origin):strings.Index(bare, "\n— ")]
	replace := func(old, with string) string {
		if !strings.Contains(bare, old) {
			t.Fatalf("%q is not in the proof", old)
		}
		return strings.Replace(bare, old, with, 1)
	}
	extra := replace("\nindex", "\nextra AAECAwQ=\nindex")
	base := vector{Log: ed.Key.String(), Entry: entry(10), Index: 10, Size: 12}
	by := func(proof string, quorum int, witnesses ...*translog.Signer) vector {
		v := base
		v.Proof, v.Quorum, v.Witnesses = proof, quorum, keys(witnesses...)
		return v
	}
	accept("extra data", by(extra, 0))
	accept("empty extra data", by(replace("\nindex", "\nextra \nindex"), 0))
	accept("two witnesses, Ed25519", by(bare+c1+c3, 2, w1, w3), 0, 1)
	accept("two witnesses, one of ML-DSA-44", by(bare+c1+c2, 2, w1, w2), 0, 1)
	accept("one of two witnesses", by(bare+c3, 1, w1, w3), 1)
	accept("witnesses that nobody asked for", by(bare+c1+c2, 0))
	accept("a stranger between witnesses", by(bare+c1+line(twelve, stranger, ed, now)+c3, 2, w1, w3), 0, 1)
	accept("witness before the log", by(strings.Replace(bare, logLine, c1+logLine, 1), 1, w1), 0)
	accept("a witness at two times", by(bare+c1+line(twelve, w1, ed, 7), 1, w1), 0)
	accept("time 0", by(bare+line(twelve, w1, ed, 0), 1, w1), 0)
	accept("time 2^63-1", by(bare+line(twelve, w1, ed, 1<<63-1), 1, w1), 0)
	accept("31 strangers", by(bare+strings.Repeat("— x AAAAAAA=\n", 31), 0))
	accept("the log's name, another key", by(bare+line(twelve, impostor, ed, now), 0))
	mlBare := by(prove(mlStore, 10), 0)
	mlBare.Log = ml.Key.String()
	accept("log of ML-DSA-44", mlBare)
	extended := mlBare
	extended.Proof = strings.Replace(extended.Proof, "\n\n— ", "\nan extension line\n\n— ", 1)
	accept("extension line, which ML-DSA-44 does not sign", extended)

	refuse := func(verdict, name string, v vector) {
		v.Name, v.Verdict, v.Index, v.Size = name, verdict, 0, 0
		add(v)
	}
	syntax := func(name, proof string) { refuse("syntax", name, by(proof, 0)) }
	syntax("nothing", "")
	syntax("another version", replace("@v1", "@v2"))
	syntax("empty line first", "\n"+bare)
	syntax("extra data, not canonical", replace("\nindex", "\nextra AAECAwR=\nindex"))
	syntax("extra data twice", replace("\nindex", "\nextra AAAA\nextra AAAA\nindex"))
	syntax("no index", replace("index 10\n", ""))
	syntax("leading zero in the index", replace("index 10", "index 010"))
	syntax("signed index", replace("index 10", "index +10"))
	syntax("index of 2^63", replace("index 10", "index 9223372036854775808"))
	syntax("space after the index", replace("index 10\n", "index 10 \n"))
	syntax("carriage return", replace("index 10\n", "index 10\r\n"))
	syntax("control character in a name", bare+"— x\x01 AAAAAAA=\n")
	syntax("hash not canonical", replace(hashes[0], loosened(hashes[0])))
	syntax("hash without padding", replace(hashes[0], strings.TrimRight(hashes[0], "=")))
	syntax("hash of 31 bytes", replace(hashes[0], base64.StdEncoding.EncodeToString(make([]byte, 31))))
	syntax("hash of 33 bytes", replace(hashes[0], base64.StdEncoding.EncodeToString(make([]byte, 33))))
	syntax("64 hashes", replace(hashes[0], strings.Repeat(hashes[0]+"\n", 61)+hashes[0]))
	syntax("two empty lines", replace("\n\n"+origin, "\n\n\n"+origin))
	syntax("no empty line before the checkpoint", replace("\n\n"+origin, "\n"+origin))
	syntax("leading zero in the size", replace("\n12\n", "\n012\n"))
	syntax("checkpoint of two lines", bare[:strings.Index(bare, "\n12\n")+4]+"\n"+logLine)
	syntax("no signatures", strings.TrimSuffix(bare, logLine))
	syntax("33 signatures", bare+strings.Repeat("— x AAAAAAA=\n", 32))
	syntax("hyphen for the em dash", bare+"- x AAAAAAA=\n")
	syntax("signature without a name", bare+"— AAAAAAA=\n")
	syntax("no-break space in a name", bare+"— x\u00a0y AAAAAAA=\n")
	syntax("plus sign in a name", bare+"— x+y AAAAAAA=\n")
	syntax("name of 256 bytes", bare+"— "+strings.Repeat("x", 256)+" AAAAAAA=\n")
	syntax("signature of no bytes", bare+"— x AAAAAA==\n")
	syntax("no newline at the end", bare[:len(bare)-1])
	syntax("empty line at the end", bare+"\n")
	syntax("more than 16 KiB", bare+"— x "+strings.Repeat("AAAA", 4096)+"\n")

	refuse("log", "log has not signed", by(strings.Replace(bare, logLine, c1, 1), 1, w1))
	refuse("log", "another log", func() vector { v := by(prove(otherStore, 10), 0); return v }())
	refuse("log", "another log's checkpoint, signed by this log's name", by(strings.Replace(bare, logLine, line(twelve, impostor, ed, now), 1), 0))
	refuse("log", "signature of another checkpoint", by(strings.Replace(bare, logLine, lastLine(sizes[8].files["checkpoint"]), 1), 0))
	refuse("log", "a second signature of the log, of another checkpoint", by(bare+lastLine(sizes[8].files["checkpoint"]), 0))
	refuse("log", "size changed", by(replace("\n12\n", "\n13\n"), 0))
	refuse("log", "origin changed", by(replace("\n\n"+origin, "\n\n"+origin+"x"), 0))
	refuse("log", "extension line added", by(replace("\n\n— ", "\nan extension line\n\n— "), 0))
	mlAsEd := mlBare
	mlAsEd.Log = ed.Key.String()
	refuse("log", "log of ML-DSA-44, known by its Ed25519 key", mlAsEd)
	mlChanged := mlBare
	mlChanged.Proof = strings.Replace(mlChanged.Proof, "\n12\n", "\n13\n", 1)
	refuse("log", "log of ML-DSA-44, size changed", mlChanged)

	refuse("witnesses", "quorum missed by one", by(bare+c1, 2, w1, w3))
	refuse("witnesses", "nobody has signed", by(bare, 1, w1))
	refuse("witnesses", "the same witness twice", by(bare+c1+c1, 2, w1, w3))
	refuse("witnesses", "the same witness at two times", by(bare+c1+line(twelve, w1, ed, 7), 2, w1, w3))
	refuse("witnesses", "a stranger", by(bare+line(twelve, stranger, ed, now), 1, w1))
	refuse("witnesses", "signature of another checkpoint, quorum or not", by(bare+c1+line(sizes[8], w3, ed, now), 1, w1, w3))
	refuse("witnesses", "right, and then of another checkpoint", by(bare+c1+line(sizes[8], w1, ed, now), 1, w1))
	refuse("witnesses", "of another checkpoint, ML-DSA-44", by(bare+line(sizes[8], w2, ed, now), 1, w2))
	refuse("witnesses", "one witness's signature as another's", by(bare+relabel(t, c1, w3.Key), 1, w3))
	refuse("witnesses", "another time", by(bare+retimed(t, c1, now+1), 1, w1))
	refuse("witnesses", "time 2^63", by(bare+retimed(t, c1, 1<<63), 1, w1))
	refuse("witnesses", "another time, ML-DSA-44", by(bare+retimed(t, c2, now+1), 1, w2))

	wrongEntry := by(bare, 0)
	wrongEntry.Entry = entry(9)
	refuse("entry", "another entry", wrongEntry)
	refuse("entry", "another index", by(replace("index 10", "index 9"), 0))
	refuse("entry", "index of the size", by(replace("index 10", "index 12"), 0))
	refuse("entry", "index of 2^63-1", by(replace("index 10", "index 9223372036854775807"), 0))
	refuse("entry", "a hash missing", by(replace(hashes[2]+"\n", ""), 0))
	refuse("entry", "no hashes", by(replace(strings.Join(hashes, "\n")+"\n", ""), 0))
	refuse("entry", "a hash too many", by(replace(hashes[2]+"\n", hashes[2]+"\n"+hashes[2]+"\n"), 0))
	refuse("entry", "two hashes changed places", by(replace(hashes[0]+"\n"+hashes[1], hashes[1]+"\n"+hashes[0]), 0))
	refuse("entry", "63 hashes", by(replace(hashes[0], strings.Repeat(hashes[0]+"\n", 60)+hashes[0]), 0))
	refuse("entry", "checkpoint of an earlier tree", by(replace(text+"\n"+logLine, string(sizes[8].files["checkpoint"])), 0))
	refuse("entry", "checkpoint of the empty tree", by("c2sp.org/tlog-proof@v1\nindex 0\n\n"+string(sizes[0].files["checkpoint"]), 0))

	refuse("policy", "quorum out of reach", by(bare+c1, 2, w1))
	refuse("policy", "quorum below 0", by(bare+c1, -1, w1))
	refuse("policy", "witness twice", by(bare+c1, 1, w1, w1))
	renamed := by(bare+c1, 1, w1)
	renamed.Witnesses = append(renamed.Witnesses, tlog.Key{Name: "w9.example", Algorithm: w1.Key.Algorithm, Public: w1.Key.Public}.String())
	refuse("policy", "witness under two names", renamed)
	itself := mlBare
	itself.Witnesses = []string{ml.Key.String()}
	refuse("policy", "log is its witness", itself)
	cosigner := by(bare+c1, 0)
	cosigner.Log = w1.Key.String()
	refuse("policy", "log with a witness's kind of key", cosigner)
	refuse("policy", "witness with a log's kind of key", by(bare, 0, other))
	return list
}

// loosened is another text of the same bytes, with bits set that nobody reads.
func loosened(b64 string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := strings.IndexByte(b64, '=') - 1
	return b64[:at] + digits[strings.IndexByte(digits, b64[at])+1:][:1] + b64[at+1:]
}

func lastLine(checkpoint []byte) string {
	return string(checkpoint[bytes.Index(checkpoint, []byte("— ")):])
}

// edited returns a signature line with other bytes in it.
func edited(t *testing.T, line, name string, edit func([]byte)) string {
	t.Helper()
	f := strings.Fields(line)
	b, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil {
		t.Fatal(err)
	}
	edit(b)
	return "— " + name + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

func relabel(t *testing.T, line string, k tlog.Key) string {
	return edited(t, line, k.Name, func(b []byte) { binary.BigEndian.PutUint32(b, k.ID()) })
}

func retimed(t *testing.T, line string, at uint64) string {
	return edited(t, line, strings.Fields(line)[1], func(b []byte) { binary.BigEndian.PutUint64(b[4:], at) })
}
