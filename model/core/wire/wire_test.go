package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
	"pgregory.net/rapid"
)

// edges are the integers at which the encoding changes its size.
var edges = []int64{
	0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
	-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
}

func TestIntegersEncodeLikeTheLibrary(t *testing.T) {
	for _, v := range edges {
		var want bytes.Buffer
		if err := msgpack.NewEncoder(&want).EncodeInt(v); err != nil {
			t.Fatal(err)
		}
		got := AppendInt(nil, v)
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("AppendInt(%d) = %x, want %x", v, got, want.Bytes())
		}
		d := NewDecoder(got)
		if back := d.Int(); d.End() != nil || back != v {
			t.Errorf("Int(%x) = %d, %v, want %d", got, back, d.End(), v)
		}
	}
}

func TestLengthsEncodeLikeTheLibrary(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		var want bytes.Buffer
		enc := msgpack.NewEncoder(&want)
		text := string(bytes.Repeat([]byte("x"), n))
		for _, err := range []error{enc.EncodeString(text), enc.EncodeBytes([]byte(text)), enc.EncodeArrayLen(n), enc.EncodeMapLen(n)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := AppendMap(AppendArray(AppendBin(AppendString(nil, text), []byte(text)), n), n)
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("n = %d: encodings differ from the library's", n)
		}
		d := NewDecoder(got)
		if s, b := d.String(n), d.Bin(n); s != text || string(b) != text {
			t.Errorf("n = %d: strings do not come back: %v", n, d.Err())
		}
	}
}

// TestEveryLongerFormIsRefused takes each edge and writes it in every size
// above its shortest.
func TestEveryLongerFormIsRefused(t *testing.T) {
	for name, doc := range map[string][]byte{
		"uint 5 in 8 bits":        {0xcc, 5},
		"uint 127 in 8 bits":      {0xcc, 0x7f},
		"uint 255 in 16 bits":     {0xcd, 0, 0xff},
		"uint 65535 in 32 bits":   {0xce, 0, 0, 0xff, 0xff},
		"uint 2³²-1 in 64 bits":   {0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		"int 5 in signed 8 bits":  {0xd0, 5},
		"int -32 in 8 bits":       {0xd0, 0xe0},
		"int -128 in 16 bits":     {0xd1, 0xff, 0x80},
		"int -32768 in 32 bits":   {0xd2, 0xff, 0xff, 0x80, 0},
		"str of 31 in 8 bits":     append([]byte{0xd9, 31}, make([]byte, 31)...),
		"str of 255 in 16 bits":   append([]byte{0xda, 0, 255}, make([]byte, 255)...),
		"bin of 255 in 16 bits":   append([]byte{0xc5, 0, 255}, make([]byte, 255)...),
		"array of 15 in 16 bits":  append([]byte{0xdc, 0, 15}, make([]byte, 15)...),
		"map of 1 in 16 bits":     {0xde, 0, 1, 0, 0},
		"nil":                     {0xc0},
		"float 32":                {0xca, 0, 0, 0, 0},
		"float 64":                {0xcb, 0, 0, 0, 0, 0, 0, 0, 0},
		"fixext":                  {0xd4, 1, 0},
		"never used":              {0xc1},
		"timestamp":               {0xd6, 0xff, 0, 0, 0, 0},
		"str that is not UTF-8":   {0xa1, 0xff},
		"map with equal keys":     {0x82, 1, 0, 1, 0},
		"map with falling keys":   {0x82, 2, 0, 1, 0},
		"map with a str key":      {0x81, 0xa1, 'a', 0},
		"map with a negative key": {0x81, 0xff, 0},
	} {
		d := NewDecoder(doc)
		d.skip(maxDepth)
		if d.End() == nil {
			t.Errorf("%s (%x) is accepted", name, doc)
		}
	}
}

func TestBombsAreRefusedWithoutAllocating(t *testing.T) {
	deep := bytes.Repeat([]byte{0x91}, 2_000_000)
	for name, doc := range map[string][]byte{
		"array of 2³²-1":  {0xdd, 0xff, 0xff, 0xff, 0xff},
		"map of 2³²-1":    {0xdf, 0xff, 0xff, 0xff, 0xff},
		"bin of 2³²-1":    {0xc6, 0xff, 0xff, 0xff, 0xff},
		"str of 2³²-1":    {0xdb, 0xff, 0xff, 0xff, 0xff},
		"2,000,000 deep":  deep,
		"array of a bomb": {0x91, 0xdd, 0x7f, 0xff, 0xff, 0xff},
	} {
		allocs := testing.AllocsPerRun(1, func() {
			d := NewDecoder(doc)
			d.skip(maxDepth)
			if d.End() == nil {
				t.Errorf("%s is accepted", name)
			}
		})
		if allocs > 20 {
			t.Errorf("%s: %v allocations, want a handful", name, allocs)
		}
	}
}

func TestLimitsAreToldApartFromGrammar(t *testing.T) {
	d := NewDecoder(AppendUint(nil, 11))
	d.Uint(10)
	var e *Error
	if !errors.As(d.Err(), &e) || !e.Limit {
		t.Errorf("Uint(10) of 11: %v, want a limit error", d.Err())
	}
	d = NewDecoder(AppendBin(nil, make([]byte, 3)))
	d.Bin(2)
	if !errors.As(d.Err(), &e) || !e.Limit {
		t.Errorf("Bin(2) of 3 bytes: %v, want a limit error", d.Err())
	}
}

func TestUnknownKeys(t *testing.T) {
	read := func(doc []byte) error {
		d := NewDecoder(doc)
		m := d.Map(8)
		for m.Next() {
			switch m.Key {
			case 0:
				d.Uint(9)
			default:
				m.Unknown()
			}
		}
		m.Require(0)
		return d.End()
	}
	for _, c := range []struct {
		doc []byte
		ok  bool
	}{
		{[]byte{0x81, 0, 1}, true},
		{[]byte{0x82, 0, 1, 63, 1}, false},
		{[]byte{0x82, 0, 1, 64, 1}, true},
		{[]byte{0x82, 0, 1, 64, 0x91, 0x91, 0x91, 0x91, 1}, true},
		{[]byte{0x82, 0, 1, 64, 0x91, 0x91, 0x91, 0x91, 0x91, 1}, false},
		{[]byte{0x81, 64, 1}, false},
		{[]byte{0x80}, false},
	} {
		if err := read(c.doc); (err == nil) != c.ok {
			t.Errorf("%x: %v, want ok = %v", c.doc, err, c.ok)
		}
	}
}

// value draws a document of the subset and appends it with our functions and
// with the library's.
func value(t *rapid.T, ours []byte, lib *msgpack.Encoder, depth int) []byte {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		v := rapid.OneOf(rapid.Int64(), rapid.SampledFrom(edges)).Draw(t, "int")
		must(lib.EncodeInt(v))
		return AppendInt(ours, v)
	case 1:
		v := rapid.Uint64().Draw(t, "uint")
		must(lib.EncodeUint(v))
		return AppendUint(ours, v)
	case 2:
		v := rapid.Bool().Draw(t, "bool")
		must(lib.EncodeBool(v))
		return AppendBool(ours, v)
	case 3:
		v := rapid.String().Draw(t, "string")
		must(lib.EncodeString(v))
		return AppendString(ours, v)
	case 4:
		v := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
		must(lib.EncodeBytesLen(len(v)))
		_, err := lib.Writer().Write(v)
		must(err)
		return AppendBin(ours, v)
	case 5:
		n := rapid.IntRange(0, 20).Draw(t, "array")
		must(lib.EncodeArrayLen(n))
		ours = AppendArray(ours, n)
		for range n {
			ours = value(t, ours, lib, depth-1)
		}
		return ours
	default:
		n := rapid.IntRange(0, 20).Draw(t, "map")
		must(lib.EncodeMapLen(n))
		ours = AppendMap(ours, n)
		for k := range n {
			must(lib.EncodeUint(uint64(k * 37)))
			ours = AppendUint(ours, uint64(k*37))
			ours = value(t, ours, lib, depth-1)
		}
		return ours
	}
}

func TestWritesWhatTheLibraryWritesAndReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lib bytes.Buffer
		ours := value(t, nil, msgpack.NewEncoder(&lib), 3)
		if !bytes.Equal(ours, lib.Bytes()) {
			t.Fatalf("ours %x, library %x", ours, lib.Bytes())
		}
		d := NewDecoder(ours)
		d.skip(maxDepth)
		if err := d.End(); err != nil {
			t.Fatalf("%x: %v", ours, err)
		}
		for n := range len(ours) {
			d := NewDecoder(ours[:n])
			if d.skip(maxDepth); d.End() == nil {
				t.Fatalf("%x: its first %d bytes are accepted too", ours, n)
			}
		}
	})
}

// TestShortLeadsToTheEnd: a reader that waits for the bytes that were missing
// comes to the document's end, and never waits for more than that.
func TestShortLeadsToTheEnd(t *testing.T) {
	doc := AppendMap(nil, 4)
	doc = AppendUint(append(doc, 0), 70000)
	doc = AppendString(append(doc, 1), strings.Repeat("x", 300))
	doc = AppendArray(append(doc, 2), 20)
	for i := range 20 {
		doc = AppendInt(doc, int64(-i*i*i))
	}
	doc = AppendBin(append(doc, 3), make([]byte, 70000))
	read := func(b []byte) *Decoder {
		d := NewDecoder(b)
		for m := d.Map(4); m.Next(); {
			d.skip(maxDepth)
		}
		return d
	}
	tries := 0
	for have := 0; have < len(doc); tries++ {
		d := read(doc[:have])
		if d.Short() <= 0 || have+d.Short() > len(doc) {
			t.Fatalf("%d of %d bytes: short of %d: %v", have, len(doc), d.Short(), d.Err())
		}
		have += d.Short()
	}
	if d := read(doc); d.Err() != nil || d.Short() != 0 {
		t.Errorf("whole: %v, short of %d", d.Err(), d.Short())
	}
	if d := read(append([]byte{0x81, 0, 0xc1}, doc...)); d.Err() == nil || d.Short() != 0 {
		t.Errorf("a wrong byte: %v, short of %d", d.Err(), d.Short())
	}
	if tries > 60 {
		t.Errorf("%d tries", tries)
	}
}

// FuzzDecoder holds the reader to the library: what is accepted means the same
// to it, and what the two have read makes the document again. The library sees
// nothing that the reader has refused, since it bounds nothing.
func FuzzDecoder(f *testing.F) {
	for _, doc := range [][]byte{
		{0x82, 0, 1, 64, 0x91, 1}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0},
		{0x93, 0xa3, 'a', 'b', 'c', 0xc4, 2, 0, 0xff, 0x82, 0, 0xc2, 1, 0xc3}, {0x92, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd0, 0x80},
		append([]byte{0xdc, 0, 16}, make([]byte, 16)...), append([]byte{0xd9, 32}, make([]byte, 32)...),
		{0x91, 0x91, 0x91, 0x91, 0x91, 1}, {0x82, 1, 1, 0, 1}, {0xcc, 5}, {0xa1, 0xff}, {0xc0},
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var err error
		if n := testing.AllocsPerRun(1, func() {
			d := NewDecoder(doc)
			d.skip(maxDepth)
			err = d.End()
		}); n > 8 { // of an error and its words
			t.Fatalf("%x: %v allocations", doc, n)
		}
		if err != nil {
			return
		}
		d := NewDecoder(doc)
		if ours := rewrite(d); d.End() != nil || !bytes.Equal(ours, doc) {
			t.Fatalf("%x comes back as %x: %v", doc, ours, d.End())
		}
		lib := msgpack.NewDecoder(bytes.NewReader(doc))
		theirs, err := libraryRewrite(lib)
		if err != nil || !bytes.Equal(theirs, doc) {
			t.Fatalf("%x is to the library %x: %v", doc, theirs, err)
		}
		if lib.Buffered().(interface{ Len() int }).Len() != 0 {
			t.Fatalf("%x: the library leaves bytes over", doc)
		}
	})
}

// rewrite reads one value and writes it again.
func rewrite(d *Decoder) (b []byte) {
	c, _ := d.head("a value")
	switch {
	case c == 0xc2 || c == 0xc3:
		return AppendBool(nil, d.Bool())
	case c >= 0xc4 && c <= 0xc6:
		return AppendBin(nil, d.Bin(math.MaxInt32))
	case c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb:
		return AppendString(nil, d.String(math.MaxInt32))
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		n := d.Array(math.MaxInt32)
		b = AppendArray(nil, n)
		for range n {
			b = append(b, rewrite(d)...)
		}
		return b
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		m := d.Map(math.MaxInt32)
		b = AppendMap(nil, m.left)
		for m.Next() {
			b = append(AppendUint(b, m.Key), rewrite(d)...)
		}
		return b
	case c >= 0xd0 && c <= 0xd3 || c >= 0xe0:
		return AppendInt(nil, d.Int())
	}
	return AppendUint(nil, d.Uint(math.MaxUint64))
}

// libraryRewrite is rewrite by the library's reader.
func libraryRewrite(lib *msgpack.Decoder) (b []byte, err error) {
	c, err := lib.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case c == msgpcode.True || c == msgpcode.False:
		v, err := lib.DecodeBool()
		return AppendBool(nil, v), err
	case msgpcode.IsBin(c):
		v, err := lib.DecodeBytes()
		return AppendBin(nil, v), err
	case msgpcode.IsString(c):
		v, err := lib.DecodeString()
		return AppendString(nil, v), err
	case msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32:
		n, err := lib.DecodeArrayLen()
		b = AppendArray(nil, n)
		for range n {
			var v []byte
			if err == nil {
				v, err = libraryRewrite(lib)
			}
			b = append(b, v...)
		}
		return b, err
	case msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32:
		n, err := lib.DecodeMapLen()
		b = AppendMap(nil, n)
		for range 2 * n {
			var v []byte
			if err == nil {
				v, err = libraryRewrite(lib)
			}
			b = append(b, v...)
		}
		return b, err
	case c >= msgpcode.Int8 && c <= msgpcode.Int64 || c >= msgpcode.NegFixedNumLow:
		v, err := lib.DecodeInt64()
		return AppendInt(nil, v), err
	}
	v, err := lib.DecodeUint64()
	return AppendUint(nil, v), err
}

// TestFloat32sDecodeTo copies from any address, and no more than is asked for.
func TestFloat32sDecodeTo(t *testing.T) {
	want := []float32{1, -2.5, float32(math.Inf(1)), 1e-40}
	b := append([]byte{7}, AppendFloat32s(nil, append(want, 9))...)
	got := make([]float32, len(want))
	Float32s(b[1:]).DecodeTo(got)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("element %d: got %v, want %v", i, got[i], want[i])
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("got no panic from a vector that is too short, want one")
		}
	}()
	Float32s(b[1:]).DecodeTo(make([]float32, 6))
}
