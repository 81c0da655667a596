package tlog_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/modeltest"
)

const origin = "log.example/nearside"

// cast is who signs in these tests: two logs of the same name, and witnesses.
type cast struct {
	ed, ml           *signer // the log, by either algorithm
	w1, w2, w3       *signer
	stranger, rename *signer // nobody knows these; one of them has w1's name
}

func newCast(tb testing.TB) *cast {
	return &cast{
		ed: newSigner(tb, origin, tlog.Ed25519), ml: newSigner(tb, origin, tlog.MLDSA44Cosignature),
		w1: newSigner(tb, "w1.example", tlog.Ed25519Cosignature), w2: newSigner(tb, "w2.example", tlog.MLDSA44Cosignature),
		w3:       newSigner(tb, "w3.example", tlog.Ed25519Cosignature),
		stranger: newSigner(tb, "stranger.example", tlog.Ed25519Cosignature), rename: newSigner(tb, "w1.example", tlog.MLDSA44Cosignature),
	}
}

// TestProofsOfAllSmallTrees is every entry of every tree of 1 to 70.
func TestProofsOfAllSmallTrees(t *testing.T) {
	c := newCast(t)
	p, o := policyOf(0, c.ed)
	tr := &tree{}
	for n := 1; n <= 70; n++ {
		tr.add(t, entry(n-1))
		signed := checkpoint(headText(origin, uint64(n), tr.root(t)), c.ed)
		for i := range n {
			b := tr.prove(t, i, signed)
			if err := compare(t, p, o, b, entry(i)); err != nil {
				t.Fatalf("entry %d of %d: %v", i, n, err)
			}
			other := (i + 1) % n
			if n > 1 && !bytes.Equal(entry(i), entry(other)) {
				if err := compare(t, p, o, b, entry(other)); !errors.Is(err, tlog.ErrEntry) {
					t.Fatalf("entry %d of %d for %d: %v, want ErrEntry", other, n, i, err)
				}
			}
			wrong := bytes.Replace(b, fmt.Appendf(nil, "index %d\n", i), fmt.Appendf(nil, "index %d\n", i+1), 1)
			if err := compare(t, p, o, wrong, entry(i)); !errors.Is(err, tlog.ErrEntry) {
				t.Fatalf("entry %d of %d at the next index: %v, want ErrEntry", i, n, err)
			}
		}
	}
}

// TestProofsOfLargeTrees makes up paths, as long as they must be and one hash
// shorter and longer, and signs the heads that they lead to.
func TestProofsOfLargeTrees(t *testing.T) {
	c := newCast(t)
	p, o := policyOf(0, c.ed)
	rng := rand.New(rand.NewPCG(1, 2))
	longest := 0
	for range 400 {
		size := rng.Uint64()>>(1+rng.IntN(63)) | 1
		if rng.IntN(8) == 0 {
			size = math.MaxInt64 - uint64(rng.IntN(3))
		}
		index := rng.Uint64N(size)
		if rng.IntN(4) == 0 {
			index = size - 1
		}
		inner := bits.Len64(index ^ (size - 1))
		length := inner + bits.OnesCount64(index>>inner)
		longest = max(longest, length)
		for _, d := range []int{-1, 0, 1} {
			if length+d < 0 {
				continue
			}
			path := make([][]byte, length+d)
			text := ""
			for i := range path {
				h := sha256.Sum256(fmt.Append(nil, rng.Uint64()))
				path[i] = h[:]
				text += base64.StdEncoding.EncodeToString(h[:]) + "\n"
			}
			root, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, rfc6962.DefaultHasher.HashLeaf(nil), path)
			if (err == nil) != (d == 0) {
				t.Fatalf("%d of %d: merkle says %v to %d hashes", index, size, err, len(path))
			}
			if err != nil {
				root = make([]byte, sha256.Size)
			}
			b := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n%s\n%s", index, text, checkpoint(headText(origin, size, root), c.ed))
			err = compare(t, p, o, []byte(b), nil)
			var syntax *tlog.SyntaxError
			if long := len(path) > tlog.MaxHashes; long && !errors.As(err, &syntax) || !long && (err == nil) != (d == 0) {
				t.Fatalf("%d of %d, %d hashes: %v", index, size, len(path), err)
			}
		}
	}
	if longest != tlog.MaxHashes {
		t.Errorf("the longest path had %d hashes, want one of %d", longest, tlog.MaxHashes)
	}
}

// TestPathsOfAnotherLength: heads that do come of these paths, in trees whose
// paths are longer or shorter.
func TestPathsOfAnotherLength(t *testing.T) {
	c := newCast(t)
	p, o := policyOf(0, c.ed)
	leaf, other := rfc6962.DefaultHasher.HashLeaf(entry(1)), make([]byte, sha256.Size)
	path := base64.StdEncoding.EncodeToString(other) + "\n"
	one := rfc6962.DefaultHasher.HashChildren(leaf, other)
	two := rfc6962.DefaultHasher.HashChildren(one, other)
	for _, test := range []struct {
		size, hashes uint64
		root         []byte
		want         error
	}{
		{1, 0, leaf, nil}, {2, 0, leaf, tlog.ErrEntry},
		{1, 1, one, tlog.ErrEntry}, {2, 1, one, nil}, {3, 1, one, tlog.ErrEntry},
		{2, 2, two, tlog.ErrEntry}, {3, 2, two, nil}, {4, 2, two, nil}, {5, 2, two, tlog.ErrEntry},
	} {
		b := "c2sp.org/tlog-proof@v1\nindex 0\n" + strings.Repeat(path, int(test.hashes)) + "\n" + checkpoint(headText(origin, test.size, test.root), c.ed)
		if err := compare(t, p, o, []byte(b), entry(1)); !errors.Is(err, test.want) {
			t.Errorf("%d hashes in a tree of %d: got %v, want %v", test.hashes, test.size, err, test.want)
		}
	}
}

// TestWhoMustSign is about keys and quorums.
func TestWhoMustSign(t *testing.T) {
	c := newCast(t)
	tr := newTree(t, 9)
	head := headText(origin, 9, tr.root(t))
	text := []byte(head)
	all := []*signer{c.w1, c.w2, c.w3}
	other := []byte(headText(origin, 8, tr.root(t)))
	bad := func(s *signer) string { return line(s.Name, s.verifier.KeyHash(), s.sign(other, now)) }
	wrongID := func(s *signer) string { return line(s.Name, s.verifier.KeyHash()^1, s.sign(text, now)) }
	at := func(s *signer, time uint64) string { return s.line(text, time) }
	none := ""
	for name, test := range map[string]struct {
		log    *signer
		quorum int
		lines  []string
		want   error
		count  []int
	}{
		"log and all witnesses":                {c.ed, 3, []string{at(c.ed, 0), at(c.w1, now), at(c.w2, now), at(c.w3, now)}, nil, []int{0, 1, 2}},
		"witnesses before the log":             {c.ed, 2, []string{at(c.w3, now), at(c.w1, now), at(c.ed, 0)}, nil, []int{0, 2}},
		"log of ML-DSA-44":                     {c.ml, 2, []string{at(c.ml, now), at(c.w1, now), at(c.w3, now)}, nil, []int{0, 2}},
		"log of ML-DSA-44, known by Ed25519":   {c.ed, 0, []string{at(c.ml, now)}, tlog.ErrLog, nil},
		"log by both algorithms":               {c.ed, 0, []string{at(c.ml, now), at(c.ed, now)}, nil, nil},
		"no quorum wanted":                     {c.ed, 0, []string{at(c.ed, 0)}, nil, nil},
		"quorum of one, none there":            {c.ed, 1, []string{at(c.ed, 0)}, tlog.ErrWitnesses, nil},
		"quorum missed by one":                 {c.ed, 3, []string{at(c.ed, 0), at(c.w1, now), at(c.w3, now)}, tlog.ErrWitnesses, nil},
		"same witness twice":                   {c.ed, 2, []string{at(c.ed, 0), at(c.w1, now), at(c.w1, now)}, tlog.ErrWitnesses, nil},
		"same witness at two times":            {c.ed, 2, []string{at(c.ed, 0), at(c.w2, now), at(c.w2, now+1)}, tlog.ErrWitnesses, nil},
		"same witness twice and another":       {c.ed, 2, []string{at(c.ed, 0), at(c.w2, 1), at(c.w2, 2), at(c.w3, 3)}, nil, []int{1, 2}},
		"log does not sign":                    {c.ed, 1, []string{at(c.w1, now)}, tlog.ErrLog, nil},
		"log signs something else":             {c.ed, 1, []string{bad(c.ed), at(c.w1, now)}, tlog.ErrLog, nil},
		"log signs right and then wrong":       {c.ed, 1, []string{at(c.ed, 0), bad(c.ed), at(c.w1, now)}, tlog.ErrLog, nil},
		"surplus witness signs something else": {c.ed, 1, []string{at(c.ed, 0), at(c.w1, now), bad(c.w2)}, tlog.ErrWitnesses, nil},
		"witness signs right and then wrong":   {c.ed, 1, []string{at(c.ed, 0), at(c.w1, now), bad(c.w1)}, tlog.ErrWitnesses, nil},
		"stranger":                             {c.ed, 1, []string{at(c.ed, 0), at(c.stranger, now)}, tlog.ErrWitnesses, nil},
		"stranger, wrong":                      {c.ed, 1, []string{at(c.ed, 0), bad(c.stranger), at(c.w1, now)}, nil, []int{0}},
		"a witness's name with another key":    {c.ed, 1, []string{at(c.ed, 0), at(c.rename, now)}, tlog.ErrWitnesses, nil},
		"a witness's name with another key id": {c.ed, 1, []string{at(c.ed, 0), wrongID(c.w1)}, tlog.ErrWitnesses, nil},
		"time 0":                               {c.ed, 2, []string{at(c.ed, 0), at(c.w1, 0), at(c.w2, 0)}, nil, []int{0, 1}},
		"time 2^63-1":                          {c.ed, 2, []string{at(c.ed, 0), at(c.w1, math.MaxInt64), at(c.w2, math.MaxInt64)}, nil, []int{0, 1}},
		"time 2^63, Ed25519":                   {c.ed, 1, []string{at(c.ed, 0), at(c.w1, 1<<63)}, tlog.ErrWitnesses, nil},
		"time 2^63, ML-DSA-44":                 {c.ed, 1, []string{at(c.ed, 0), at(c.w2, 1<<63)}, tlog.ErrWitnesses, nil},
		"a cosignature that is a note's":       {c.ed, 1, []string{at(c.ed, 0), line(c.w1.Name, c.w1.verifier.KeyHash(), c.ed.sign(text, 0))}, tlog.ErrWitnesses, nil},
		"a cosignature of 7 bytes":             {c.ed, 1, []string{at(c.ed, 0), line(c.w1.Name, c.w1.verifier.KeyHash(), make([]byte, 7))}, tlog.ErrWitnesses, nil},
		"one witness's cosignature as another's": {c.ed, 1, []string{at(c.ed, 0),
			line(c.w3.Name, c.w3.verifier.KeyHash(), c.w1.sign(text, now))}, tlog.ErrWitnesses, nil},
		"32 signatures": {c.ed, 1, []string{at(c.ed, 0), at(c.w1, now), strings.Repeat(at(c.stranger, now), 30)}, nil, []int{0}},
		"no signature":  {c.ed, 0, []string{none}, &tlog.SyntaxError{Line: 12}, nil},
		"33 signatures": {c.ed, 1, []string{at(c.ed, 0), at(c.w1, now), strings.Repeat(at(c.stranger, now), 31)}, &tlog.SyntaxError{Line: 44}, nil},
	} {
		p, o := policyOf(test.quorum, test.log, all...)
		b := tr.prove(t, 4, head+"\n"+strings.Join(test.lines, ""))
		err := compare(t, p, o, b, entry(4))
		if !sameError(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if got, _ := p.Verify(b, entry(4)); !slices.Equal(got.Witnesses, test.count) {
			t.Errorf("%s: %v count, want %v", name, got.Witnesses, test.count)
		}
	}
}

// sameError says whether got is want; of a SyntaxError only the line counts.
func sameError(got, want error) bool {
	var g, w *tlog.SyntaxError
	if errors.As(want, &w) {
		return errors.As(got, &g) && g.Line == w.Line && g.Want != ""
	}
	return errors.Is(got, want)
}

func TestOriginIsTheLogsName(t *testing.T) {
	c := newCast(t)
	tr := newTree(t, 3)
	p, o := policyOf(0, c.ed)
	for name, want := range map[string]error{origin: nil, origin + "/": tlog.ErrLog, origin[:len(origin)-1]: tlog.ErrLog, "log.example/other": tlog.ErrLog} {
		b := tr.prove(t, 1, checkpoint(headText(name, 3, tr.root(t)), c.ed))
		if err := compare(t, p, o, b, entry(1)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

// TestPoliciesThatMeanNothing: a key that stood twice would be counted twice.
func TestPoliciesThatMeanNothing(t *testing.T) {
	c := newCast(t)
	tr := newTree(t, 2)
	b := tr.prove(t, 0, checkpoint(headText(origin, 2, tr.root(t)), c.ed, c.ml, c.w1, c.w2))
	renamed, short, unknown := c.w1.Key, c.w1.Key, c.w1.Key
	renamed.Name = "w9.example"
	short.Public = short.Public[1:]
	unknown.Algorithm = 5
	logAsWitness := tlog.Key{Name: "w.example", Algorithm: tlog.Ed25519Cosignature, Public: c.ed.Public}
	spaced := tlog.Key{Name: "w 1", Algorithm: tlog.Ed25519Cosignature, Public: c.w1.Public}
	var many []tlog.Key
	for i := range tlog.MaxWitnesses + 1 {
		many = append(many, newSigner(t, fmt.Sprint("w", i), tlog.Ed25519Cosignature).Key)
	}
	for name, test := range map[string]struct {
		policy tlog.Policy
		want   error
	}{
		"good":                     {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{c.w1.Key, c.w2.Key}, Quorum: 2}, nil},
		"zero":                     {tlog.Policy{}, tlog.ErrPolicy},
		"quorum below 0":           {tlog.Policy{Log: c.ed.Key, Quorum: -1}, tlog.ErrPolicy},
		"quorum out of reach":      {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{c.w1.Key}, Quorum: 2}, tlog.ErrPolicy},
		"witness twice":            {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{c.w1.Key, c.w1.Key}, Quorum: 1}, tlog.ErrPolicy},
		"witness under two names":  {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{c.w1.Key, renamed}, Quorum: 1}, tlog.ErrPolicy},
		"log is its witness":       {tlog.Policy{Log: c.ml.Key, Witnesses: []tlog.Key{c.ml.Key}, Quorum: 1}, tlog.ErrPolicy},
		"log's key is a witness's": {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{logAsWitness}, Quorum: 1}, tlog.ErrPolicy},
		"log with a witness's key": {tlog.Policy{Log: c.w1.Key}, tlog.ErrPolicy},
		"witness with a note key":  {tlog.Policy{Log: c.ml.Key, Witnesses: []tlog.Key{c.ed.Key}, Quorum: 1}, tlog.ErrPolicy},
		"short key":                {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{short}}, tlog.ErrPolicy},
		"unknown algorithm":        {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{unknown}}, tlog.ErrPolicy},
		"space in a name":          {tlog.Policy{Log: c.ed.Key, Witnesses: []tlog.Key{spaced}}, tlog.ErrPolicy},
		"32 witnesses":             {tlog.Policy{Log: c.ed.Key, Witnesses: many[1:]}, nil},
		"33 witnesses":             {tlog.Policy{Log: c.ed.Key, Witnesses: many}, tlog.ErrPolicy},
	} {
		if _, err := test.policy.Verify(b, entry(0)); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// TestOneSpelling: what the specification leaves no choice in.
func TestOneSpelling(t *testing.T) {
	c := newCast(t)
	tr := newTree(t, 12)
	root := base64.StdEncoding.EncodeToString(tr.root(t))
	p, o := policyOf(1, c.ed, c.w1)
	sign := func(text string) string { return checkpoint(text, c.ed, c.w1) }
	head := headText(origin, 12, tr.root(t))
	good := string(tr.prove(t, 10, sign(head)))
	path := strings.Split(good, "\n")[2:5]
	resigned := func(text string) string { return strings.Replace(good, sign(head), sign(text), 1) }
	loose := func(b64 string) string { // the same bytes, with bits set that nobody reads
		at := len(b64) - 2
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		return b64[:at] + string(digits[strings.IndexByte(digits, b64[at])+1]) + "="
	}
	if !strings.HasSuffix(path[0], "=") || strings.HasSuffix(path[0], "==") {
		t.Fatalf("a hash ends in one =: %s", path[0])
	}
	replace := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the proof", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	long := strings.Repeat("x", tlog.MaxName-1)
	for name, test := range map[string]struct {
		proof string
		want  error
	}{
		"good":                       {good, nil},
		"extra":                      {replace("\nindex", "\nextra AAECAw==\nindex"), nil},
		"empty extra":                {replace("\nindex", "\nextra \nindex"), nil},
		"extra without space":        {replace("\nindex", "\nextra\nindex"), &tlog.SyntaxError{Line: 2}},
		"extra, loose":               {replace("\nindex", "\nextra AAECAx==\nindex"), &tlog.SyntaxError{Line: 2}},
		"extra without padding":      {replace("\nindex", "\nextra AAECAw\nindex"), &tlog.SyntaxError{Line: 2}},
		"two extras":                 {replace("\nindex", "\nextra AAAA\nextra AAAA\nindex"), &tlog.SyntaxError{Line: 3}},
		"another version":            {replace("@v1", "@v2"), &tlog.SyntaxError{Line: 1}},
		"empty line first":           {"\n" + good, &tlog.SyntaxError{Line: 1}},
		"no index":                   {replace("index 10\n", ""), &tlog.SyntaxError{Line: 2}},
		"index 010":                  {replace("index 10", "index 010"), &tlog.SyntaxError{Line: 2}},
		"a number alone":             {replace("index 10", "10"), &tlog.SyntaxError{Line: 2}},
		"index +10":                  {replace("index 10", "index +10"), &tlog.SyntaxError{Line: 2}},
		"index -1":                   {replace("index 10", "index -1"), &tlog.SyntaxError{Line: 2}},
		"index of nothing":           {replace("index 10", "index "), &tlog.SyntaxError{Line: 2}},
		"two spaces":                 {replace("index 10", "index  10"), &tlog.SyntaxError{Line: 2}},
		"index and a space":          {replace("index 10", "index 10 "), &tlog.SyntaxError{Line: 2}},
		"index 2^63-1":               {replace("index 10", "index 9223372036854775807"), tlog.ErrEntry},
		"index 2^63":                 {replace("index 10", "index 9223372036854775808"), &tlog.SyntaxError{Line: 2}},
		"index 2^64+10":              {replace("index 10", "index 18446744073709551626"), &tlog.SyntaxError{Line: 2}},
		"hash, loose":                {replace(path[0], loose(path[0])), &tlog.SyntaxError{Line: 3}},
		"hash without padding":       {replace(path[0], path[0][:43]), &tlog.SyntaxError{Line: 3}},
		"hash of 31 bytes":           {replace(path[0], base64.StdEncoding.EncodeToString(make([]byte, 31))), &tlog.SyntaxError{Line: 3}},
		"hash of 33 bytes":           {replace(path[0], base64.StdEncoding.EncodeToString(make([]byte, 33))), &tlog.SyntaxError{Line: 3}},
		"hash for URLs":              {replace(path[0], strings.Repeat("-", 43)+"="), &tlog.SyntaxError{Line: 3}},
		"carriage return":            {replace("index 10\n", "index 10\r\n"), &tlog.SyntaxError{}},
		"tab":                        {replace("index 10", "index\t10"), &tlog.SyntaxError{}},
		"zero byte":                  {replace(origin, "log\x00"), &tlog.SyntaxError{}},
		"bytes that are no UTF-8":    {replace(origin, "log\xff"), &tlog.SyntaxError{}},
		"two empty lines":            {replace("\n\nlog", "\n\n\nlog"), &tlog.SyntaxError{Line: 7}},
		"no empty line":              {replace("\n\nlog", "\nlog"), &tlog.SyntaxError{Line: 6}},
		"size 012":                   {resigned(origin + "\n012\n" + root + "\n"), &tlog.SyntaxError{Line: 8}},
		"size 0":                     {resigned(origin + "\n0\n" + root + "\n"), tlog.ErrEntry},
		"size 13":                    {resigned(origin + "\n13\n" + root + "\n"), tlog.ErrEntry},
		"size 2^63":                  {resigned(origin + "\n9223372036854775808\n" + root + "\n"), &tlog.SyntaxError{Line: 8}},
		"head, loose":                {resigned(origin + "\n12\n" + loose(root) + "\n"), &tlog.SyntaxError{Line: 9}},
		"head of 33 bytes":           {resigned(origin + "\n12\n" + base64.StdEncoding.EncodeToString(make([]byte, 33)) + "\n"), &tlog.SyntaxError{Line: 9}},
		"another head":               {resigned(headText(origin, 12, make([]byte, 32))), tlog.ErrEntry},
		"no entry, a head of zeros":  {resigned(headText(origin, 10, make([]byte, 32))), tlog.ErrEntry},
		"long path, a head of zeros": {resigned(headText(origin, 11, make([]byte, 32))), tlog.ErrEntry},
		"extension lines":            {resigned(head + "a\n— b\n"), nil},
		"empty line in extensions":   {resigned(head + "a\n\nb\n"), &tlog.SyntaxError{Line: 12}},
		"two lines only":             {resigned(origin + "\n12\n"), &tlog.SyntaxError{Line: 9}},
		"bytes after the end":        {good + "x", &tlog.SyntaxError{Line: 13}},
		"empty line after the end":   {good + "\n", &tlog.SyntaxError{Line: 13}},
		"no newline at the end":      {good[:len(good)-1], &tlog.SyntaxError{Line: 12}},
		"hyphen for the em dash":     {replace("— w1", "- w1"), &tlog.SyntaxError{Line: 12}},
		"plus sign in a name":        {replace("— w1", "— w+1"), &tlog.SyntaxError{Line: 12}},
		"no-break space in a name":   {replace("— w1", "— w\u00a01"), &tlog.SyntaxError{Line: 12}},
		"no name":                    {good + "—  AAAAAAAA\n", &tlog.SyntaxError{Line: 13}},
		"no signature":               {good + "— x\n", &tlog.SyntaxError{Line: 13}},
		"signature of nothing":       {good + "— x AAAAAA==\n", &tlog.SyntaxError{Line: 13}},
		"signature of a byte":        {good + "— x AAAAAAA=\n", nil},
		"signature, loose":           {good + "— x AAAAAAB=\n", &tlog.SyntaxError{Line: 13}},
		"a name of 255 bytes":        {good + "— " + long + "y AAAAAAAA\n", nil},
		"a name of 256 bytes":        {good + "— " + long + "yy AAAAAAAA\n", &tlog.SyntaxError{Line: 13}},
		"nothing":                    {"", &tlog.SyntaxError{Line: 1}},
		"16 KiB":                     {replace("\nindex", "\nextra "+strings.Repeat("A", (tlog.MaxBytes-len(good)-7)&^3)+"\nindex"), nil},
		"more than 16 KiB":           {replace("\nindex", "\nextra "+strings.Repeat("A", (tlog.MaxBytes-len(good)-7)&^3+4)+"\nindex"), &tlog.SyntaxError{}},
		"64 hashes":                  {replace(path[0], strings.Repeat(path[0]+"\n", 63)+path[0]), &tlog.SyntaxError{Line: 66}},
		"63 hashes, none of its own": {replace(strings.Join(path, "\n"), strings.Repeat(path[0]+"\n", 62)+path[0]), tlog.ErrEntry},
	} {
		err := compare(t, p, o, []byte(test.proof), entry(10))
		if !sameError(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// damaged is a proof whose every change is tried, and what in it nobody reads.
type damaged struct {
	name    string
	policy  *tlog.Policy
	oracle  *oracle
	proof   []byte
	entry   []byte
	ignored [][]byte // parts of proof
}

// spare is the proof that has more than it needs.
const spare = "with things to spare"

// damagedProofs returns proofs of Ed25519, and of ML-DSA-44 where that is
// wanted, without anything to spare and with all that may be passed over.
func damagedProofs(t *testing.T) []damaged {
	c := newCast(t)
	tr := newTree(t, 7)
	head := headText(origin, 7, tr.root(t))
	ed, edOracle := policyOf(1, c.ed, c.w1, c.w3)
	both, bothOracle := policyOf(1, c.ed, c.w2)
	ml, mlOracle := policyOf(1, c.ml, c.w2)

	more := bytes.Replace(tr.prove(t, 4, checkpoint(head, c.ed, c.w1, c.w3, c.stranger)), []byte("\nindex"), []byte("\nextra AAECAwQF\nindex"), 1)
	ofStranger := c.stranger.line([]byte(head), now)
	// Either witness will do: with another name or key id its line is one of an
	// unknown key. 4 bytes of id are 5 characters and 2 bits of the next.
	id := func(s *signer) []byte {
		l := s.line([]byte(head), now)
		return []byte(l[len("— ") : len("— ")+len(s.Name)+1+6])
	}
	extended := head + "an extension\n"
	return []damaged{
		{"of Ed25519", ed, edOracle, tr.prove(t, 4, checkpoint(head, c.ed, c.w1)), entry(4), nil},
		{spare, ed, edOracle, more, entry(4),
			[][]byte{[]byte("AAECAwQF"), []byte(ofStranger[len("— ") : len(ofStranger)-1]), id(c.w1), id(c.w3)}},
		{"witness of ML-DSA-44", both, bothOracle, tr.prove(t, 4, checkpoint(head, c.ed, c.w2)), entry(4), nil},
		{"all of ML-DSA-44", ml, mlOracle, tr.prove(t, 4, checkpoint(extended, c.ml, c.w2)), entry(4), [][]byte{[]byte("an extension")}},
	}
}

// reads says whether b[at] is in no part that is ignored.
func (d *damaged) reads(at int) bool {
	for _, part := range d.ignored {
		if start := bytes.Index(d.proof, part); start < 0 {
			panic(fmt.Sprintf("%q is not in the proof", part))
		} else if at >= start && at < start+len(part) {
			return false
		}
	}
	return true
}

// stride leaves out most of a long proof, but in the nightly run.
func (d *damaged) stride() int {
	if len(d.proof) > 2000 && os.Getenv("NEARSIDE_NIGHTLY") == "" {
		return 29
	}
	return 1
}

func TestEveryBitCounts(t *testing.T) {
	for _, d := range damagedProofs(t) {
		if err := compare(t, d.policy, d.oracle, d.proof, d.entry); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		tried, ignored := 0, 0
		for bit := 0; bit < 8*len(d.proof); bit += d.stride() {
			b := bytes.Clone(d.proof)
			b[bit/8] ^= 1 << (bit % 8)
			tried++
			if compare(t, d.policy, d.oracle, b, d.entry) == nil {
				if ignored++; d.reads(bit / 8) {
					t.Errorf("%s: bit %d of byte %d flipped: accepted: %q", d.name, bit%8, bit/8, b)
				}
			}
		}
		if (ignored > 0) != (d.ignored != nil) {
			t.Errorf("%s: %d flips accepted where %d parts are ignored", d.name, ignored, len(d.ignored))
		}
		t.Logf("%s: %d bytes, %d flips, %d of them in what is ignored", d.name, len(d.proof), tried, ignored)
	}
}

func TestEveryByteCounts(t *testing.T) {
	for _, d := range damagedProofs(t) {
		tried := 0
		try := func(at int, what string, b []byte) {
			tried++
			if compare(t, d.policy, d.oracle, b, d.entry) == nil && d.reads(at) && (at == 0 || d.reads(at-1)) {
				t.Errorf("%s: byte %d %s: accepted: %q", d.name, at, what, b)
			}
		}
		for n := range d.proof {
			err := compare(t, d.policy, d.oracle, d.proof[:n], d.entry)
			if whole := bytes.HasPrefix(d.proof[n:], []byte("— ")); err == nil && !(whole && d.name == spare) {
				t.Errorf("%s: the first %d of %d bytes are accepted", d.name, n, len(d.proof))
			}
		}
		for at := 0; at <= len(d.proof); at += d.stride() {
			if at < len(d.proof) {
				try(at, "left out", slices.Delete(bytes.Clone(d.proof), at, at+1))
				try(at, "twice", slices.Insert(bytes.Clone(d.proof), at, d.proof[at]))
			}
			for _, c := range []byte("\n \x00A0+=/\r\xe2") {
				try(at, fmt.Sprintf("has %q before it", c), slices.Insert(bytes.Clone(d.proof), at, c))
			}
		}
		t.Logf("%s: %d bytes, %d insertions and deletions", d.name, len(d.proof), tried)
	}
}

func TestKeys(t *testing.T) {
	c := newCast(t)
	for _, s := range []*signer{c.ed, c.ml, c.w1, c.w2} {
		vkey := s.String()
		got, err := tlog.ParseKey(vkey)
		if err != nil || got.String() != vkey || got.Name != s.Name || got.Algorithm != s.Algorithm || !bytes.Equal(got.Public, s.Public) {
			t.Errorf("%s: got %+v, %v", vkey, got, err)
		}
		if want := fmt.Sprintf("+%08x+", s.verifier.KeyHash()); !strings.Contains(vkey, want) {
			t.Errorf("got the key %s, want the key id %s", vkey, want)
		}
	}
	// From the documentation of golang.org/x/mod/sumdb/note.
	const peterNeumann = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	if k, err := tlog.ParseKey(peterNeumann); err != nil || k.String() != peterNeumann {
		t.Errorf("%s: %v", peterNeumann, err)
	}
	good := c.w1.String()
	name, rest, _ := strings.Cut(good, "+")
	id, key, _ := strings.Cut(rest, "+")
	for what, vkey := range map[string]string{
		"nothing":           "",
		"name only":         name,
		"no key":            name + "+" + id,
		"empty key":         name + "+" + id + "+",
		"another id":        name + "+" + strings.Repeat("0", 8) + "+" + key,
		"id in capitals":    strings.Replace(good, id, strings.ToUpper(id), 1),
		"id of 7 digits":    name + "+" + id[:7] + "+" + key,
		"another name":      "x" + good,
		"space in the name": strings.Replace(good, "w1", "w 1", 1),
		"trailing newline":  good + "\n",
		"trailing space":    good + " ",
		"short key":         name + "+" + id + "+" + key[:len(key)-4],
		"unknown algorithm": name + "+" + id + "+Aw" + key[2:],
		"endless":           name + "+" + id + "+" + strings.Repeat("A", 1<<20),
		"bytes, not UTF-8":  tlog.Key{Name: "a\xff", Algorithm: tlog.Ed25519, Public: c.ed.Public}.String(),
		"long name":         tlog.Key{Name: strings.Repeat("x", 256), Algorithm: tlog.Ed25519, Public: c.ed.Public}.String(),
	} {
		if k, err := tlog.ParseKey(vkey); !errors.Is(err, tlog.ErrKey) {
			t.Errorf("%s: got %+v, %v; want ErrKey", what, k, err)
		}
	}
	endless := strings.Repeat("A", 1<<20)
	if got := modeltest.Allocated(func() { _, _ = tlog.ParseKey(endless) }); got > 1<<10 {
		t.Errorf("%d bytes of memory for a key that is too long", got)
	}
	if strings.ToUpper(id) == id {
		t.Error("the key id has no letters to write in capitals")
	}
	longest := tlog.Key{Name: strings.Repeat("x", tlog.MaxName), Algorithm: tlog.MLDSA44Cosignature, Public: c.w2.Public}
	if _, err := tlog.ParseKey(longest.String()); err != nil {
		t.Errorf("a name of %d bytes: %v", tlog.MaxName, err)
	}
}

// TestSignedBytes holds what signers sign to what verifiers check.
func TestSignedBytes(t *testing.T) {
	c := newCast(t)
	tr := newTree(t, 5)
	text := []byte(headText(origin, 5, tr.root(t)) + "an extension\n")
	for _, s := range []*signer{c.ed, c.ml, c.w1, c.w2} {
		got, err := tlog.SignedBytes(s.Key, text, now)
		if err != nil {
			t.Fatal(err)
		}
		check, err := tlog.ParseCheckpoint([]byte(checkpoint(string(text), s)))
		if err != nil {
			t.Fatal(err)
		}
		if signed, err := check.SignedBy(s.Key); !signed || err != nil {
			t.Errorf("%s: signed: %v, %v", s, signed, err)
		}
		if check.Origin != origin || check.Size != 5 || !bytes.Equal(check.Root[:], tr.root(t)) {
			t.Errorf("got the head %s, %d, %x", check.Origin, check.Size, check.Root)
		}
		if s.Algorithm == tlog.MLDSA44Cosignature == bytes.Contains(got, text) {
			t.Errorf("%s: signs %q", s, got)
		}
	}
	long := strings.Repeat("x", tlog.MaxName)
	if _, err := tlog.SignedBytes(c.ml.Key, []byte(long+string(text[len(origin):])), now); err != nil {
		t.Errorf("an origin of %d bytes: %v", len(long), err)
	}
	for what, text := range map[string]string{"nothing": "", "a long origin": "x" + long + string(text[len(origin):]),
		"two lines": "a\n1\n", "no newline": strings.TrimSuffix(string(text), "\n"), "an empty line": string(text) + "\n"} {
		if b, err := tlog.SignedBytes(c.ed.Key, []byte(text), 0); err == nil {
			t.Errorf("%s: got %q", what, b)
		}
	}
	if _, err := tlog.SignedBytes(tlog.Key{}, text, 0); !errors.Is(err, tlog.ErrKey) {
		t.Errorf("no key: %v, want ErrKey", err)
	}
	if _, err := tlog.SignedBytes(c.w1.Key, text, 1<<63); !errors.Is(err, tlog.ErrKey) {
		t.Errorf("a time of 2^63: %v, want ErrKey", err)
	}
	if signed, err := new(tlog.Checkpoint).SignedBy(tlog.Key{}); signed || !errors.Is(err, tlog.ErrKey) {
		t.Errorf("no key: %v, %v; want ErrKey", signed, err)
	}
}
