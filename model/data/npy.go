package data

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NumPy's format (NEP 1): the magic, two bytes of version, the length of the
// header in 2 bytes (version 1) or 4 (2 and 3), little-endian, the header, the
// numbers. The header is the text of a Python dictionary:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 64), }
const (
	npyMagic = "\x93NUMPY"
	// maxNPYHeader is more than any header of a matrix needs; NumPy itself
	// refuses more than 10,000 bytes.
	maxNPYHeader = 1 << 16
)

// npyHeader is what a header says.
type npyHeader struct {
	descr   string // the type: byte order, kind, size
	fortran bool   // column by column
	shape   []int64
}

// matrix returns how a matrix stands behind the header.
func (h npyHeader) matrix() (matrix, error) {
	if len(h.descr) == 3 && h.descr[1] == 'f' && (h.descr[0] == '<' || h.descr[0] == '>') {
		n := number{big: h.descr[0] == '>'}
		switch h.descr[2] {
		case '2':
			n.kind = half
		case '4':
			n.kind = single
		case '8':
			n.kind = double
		}
		if n.kind != 0 {
			return matrix{number: n, shape: h.shape, byColumn: h.fortran}, nil
		}
	}
	return matrix{}, fmt.Errorf("type %.40q: want float16, float32 or float64", h.descr)
}

func (v *Vectors) readNPY(s *source) error {
	h, header, err := readNPYHeader(s.r)
	if err != nil {
		return err
	}
	m, err := h.matrix()
	if err != nil {
		return err
	}
	m.packed = s.packed
	if m.size = s.size; m.size > 0 && !s.packed {
		m.size -= header
	}
	return v.readMatrix(s.r, m)
}

// readNPYHeader reads the start of an npy file and says how many bytes it was.
func readNPYHeader(r io.Reader) (h npyHeader, length int64, err error) {
	start := make([]byte, len(npyMagic)+2+2, len(npyMagic)+2+4)
	if _, err := io.ReadFull(r, start); err != nil {
		return h, 0, fmt.Errorf("header: %w", err)
	}
	version := start[len(npyMagic)]
	if string(start[:len(npyMagic)]) != npyMagic || version < 1 || version > 3 {
		return h, 0, fmt.Errorf("begins with %q: want npy of version 1, 2 or 3", start[:len(npyMagic)+2])
	}
	size := int64(binary.LittleEndian.Uint16(start[len(npyMagic)+2:]))
	if version > 1 {
		start = start[:cap(start)]
		if _, err := io.ReadFull(r, start[len(start)-2:]); err != nil {
			return h, 0, fmt.Errorf("header: %w", err)
		}
		size = int64(binary.LittleEndian.Uint32(start[len(npyMagic)+2:]))
	}
	if size > maxNPYHeader {
		return h, 0, fmt.Errorf("a header of %d bytes: want at most %d", size, maxNPYHeader)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, 0, fmt.Errorf("header: %w", err)
	}
	h, err = parseNPYHeader(string(text))
	if err != nil {
		return h, 0, fmt.Errorf("header %q: %w", quotable(text), err)
	}
	return h, int64(len(start)) + size, nil
}

// parseNPYHeader reads a dictionary with the three keys, each once.
func parseNPYHeader(text string) (h npyHeader, err error) {
	p := pythonText{strings.TrimSpace(text)}
	seen := map[string]bool{}
	if !p.take("{") {
		return h, errors.New("want a dictionary")
	}
	for !p.take("}") {
		key, ok := p.str()
		if !ok || !p.take(":") {
			return h, fmt.Errorf("want a key at %.20q", p.rest)
		}
		switch {
		case seen[key]:
			return h, fmt.Errorf("key %.20q stands twice", key)
		case key == "descr":
			h.descr, ok = p.str()
		case key == "fortran_order":
			h.fortran = p.take("True")
			ok = h.fortran || p.take("False")
		case key == "shape":
			h.shape, ok = p.tuple()
		default:
			return h, fmt.Errorf("key %.20q: want descr, fortran_order and shape", key)
		}
		if !ok {
			return h, fmt.Errorf("%s at %.20q: want one type, True or False, and whole numbers", key, p.rest)
		}
		seen[key] = true
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return h, fmt.Errorf("want a comma at %.20q", p.rest)
		}
	}
	if len(seen) != 3 || p.rest != "" {
		return h, errors.New("want descr, fortran_order and shape, and nothing else")
	}
	return h, nil
}

// pythonText is Python source that is yet to be read. Its methods skip blanks
// after what they take, and on failure take nothing that matters.
type pythonText struct{ rest string }

func (p *pythonText) take(token string) bool {
	after, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = after
		p.skip()
	}
	return ok
}

// skip takes blanks.
func (p *pythonText) skip() { p.rest = strings.TrimLeft(p.rest, " \n") }

// str takes a string without escapes.
func (p *pythonText) str() (s string, ok bool) {
	for _, quote := range []string{"'", `"`} {
		if after, found := strings.CutPrefix(p.rest, quote); found {
			s, p.rest, ok = strings.Cut(after, quote)
			p.skip()
			return s, ok && !strings.Contains(s, `\`)
		}
	}
	return "", false
}

// tuple takes whole numbers in parentheses; those of Python 2 may end in L.
func (p *pythonText) tuple() (list []int64, ok bool) {
	if !p.take("(") {
		return nil, false
	}
	for !p.take(")") {
		end := 0
		for end < len(p.rest) && '0' <= p.rest[end] && p.rest[end] <= '9' {
			end++
		}
		n, err := strconv.ParseInt(p.rest[:end], 10, 64)
		if err != nil || len(list) == 32 { // NumPy's most dimensions
			return nil, false
		}
		p.rest = p.rest[end:]
		p.take("L")
		p.skip()
		list = append(list, n)
		if !p.take(",") && !strings.HasPrefix(p.rest, ")") {
			return nil, false
		}
	}
	return list, true
}

// Arrays of an npz that are known by their names.
const (
	idArray     = "ids"          // of the rows
	factorArray = "item_factors" // in what implicit's models save, beside those of users
)

// readNPZ reads a zip archive of npy files: the matrix called name, or when
// name is "" the factors of items or the only one, and the ids, when they are there.
func (v *Vectors) readNPZ(s *source, name string) error {
	if s.packed {
		return errors.New("want npz that is not compressed as a whole")
	}
	archive, err := zip.NewReader(s.file, s.size)
	if err != nil {
		return err
	}
	var names []string
	arrays := map[string]*zip.File{}
	for _, f := range archive.File {
		array := strings.TrimSuffix(f.Name, ".npy")
		if arrays[array] != nil {
			return fmt.Errorf("array %.40q stands twice", array)
		}
		arrays[array] = f
		if array != idArray {
			names = append(names, array)
		}
	}
	switch {
	case name != "":
	case arrays[factorArray] != nil:
		name = factorArray
	case len(names) == 1:
		name = names[0]
	}
	if arrays[name] == nil || name == idArray {
		slices.Sort(names)
		return fmt.Errorf("no matrix %q: name one of %.40q", name, names)
	}
	if err := readZipped(arrays[name], v.readNPZMatrix); err != nil {
		return fmt.Errorf("%.40s: %w", name, err)
	}
	if arrays[idArray] == nil {
		return nil
	}
	if err := readZipped(arrays[idArray], v.readNPZIDs); err != nil {
		return fmt.Errorf("%s: %w", idArray, err)
	}
	return nil
}

func readZipped(f *zip.File, read func(r io.Reader, packed int64) error) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	return errors.Join(read(r, int64(f.CompressedSize64)), r.Close())
}

func (v *Vectors) readNPZMatrix(r io.Reader, packed int64) error {
	h, _, err := readNPYHeader(r)
	if err != nil {
		return err
	}
	m, err := h.matrix()
	if err != nil {
		return err
	}
	m.size, m.packed = packed, true
	return v.readMatrix(r, m)
}

// readNPZIDs reads as many ids as there are rows.
func (v *Vectors) readNPZIDs(r io.Reader, _ int64) error {
	h, _, err := readNPYHeader(r)
	if err != nil {
		return err
	}
	size, text, err := h.ids()
	if err != nil {
		return err
	}
	if rows := int64(len(v.Values) / v.Dim); !slices.Equal(h.shape, []int64{rows}) {
		return fmt.Errorf("shape %v: want one for each of %d rows", h.shape, rows)
	}
	cell := make([]byte, size)
	for row := range h.shape[0] {
		if _, err := io.ReadFull(r, cell); err != nil {
			return fmt.Errorf("breaks off after %d of %d: %w", row, h.shape[0], err)
		}
		if err := v.addID(text(cell)); err != nil {
			return fmt.Errorf("row %d: %w", row+1, err)
		}
	}
	return nil
}

// ids returns how many bytes an id has, and what turns them into its text.
// Text is cut to a fixed width and filled up with NUL.
func (h npyHeader) ids() (size int, text func([]byte) []byte, err error) {
	bad := fmt.Errorf("type %.40q: want whole numbers, or text of at most %d bytes", h.descr, maxID)
	if len(h.descr) < 3 {
		return 0, nil, bad
	}
	size, err = strconv.Atoi(h.descr[2:])
	if err != nil || size < 1 || size > maxID {
		return 0, nil, bad
	}
	var order binary.ByteOrder = binary.LittleEndian
	if h.descr[0] == '>' {
		order = binary.BigEndian
	}
	switch kind := h.descr[1]; {
	case kind == 'S':
		return size, func(b []byte) []byte { return bytes.TrimRight(b, "\x00") }, nil
	case kind == 'U':
		return 4 * size, func(b []byte) []byte {
			var text []byte
			for ; len(b) > 0; b = b[4:] {
				c := order.Uint32(b)
				if c > utf8.MaxRune {
					return []byte{0xff} // is no text, either
				}
				text = utf8.AppendRune(text, rune(c))
			}
			return bytes.TrimRight(text, "\x00")
		}, nil
	case (kind == 'i' || kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8):
		return size, func(b []byte) []byte {
			var n uint64
			for k := range b {
				at := k
				if order == binary.LittleEndian {
					at = len(b) - 1 - k
				}
				n = n<<8 | uint64(b[at])
			}
			if kind == 'u' {
				return strconv.AppendUint(nil, n, 10)
			}
			shift := 64 - 8*len(b)
			return strconv.AppendInt(nil, int64(n<<shift)>>shift, 10)
		}, nil
	}
	return 0, nil, bad
}
