package wire

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// Uint16s, Uint32s and Float32s are vectors of little-endian numbers, read in
// place from a bin value: no copy, and no demand on alignment.
type (
	Uint16s  []byte
	Uint32s  []byte
	Float32s []byte
)

// Len returns the number of elements.
func (v Uint16s) Len() int { return len(v) / 2 }

// At returns element i.
func (v Uint16s) At(i int) uint16 { return binary.LittleEndian.Uint16(v[2*i:]) }

// Len returns the number of elements.
func (v Uint32s) Len() int { return len(v) / 4 }

// At returns element i.
func (v Uint32s) At(i int) uint32 { return binary.LittleEndian.Uint32(v[4*i:]) }

// Len returns the number of elements.
func (v Float32s) Len() int { return len(v) / 4 }

// At returns element i.
func (v Float32s) At(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(v[4*i:]))
}

// DecodeTo writes the first len(dst) elements to dst. It panics when there are
// fewer.
func (v Float32s) DecodeTo(dst []float32) {
	v = v[:4*len(dst)]
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst)), v)
		return
	}
	for i := range dst {
		dst[i] = v.At(i)
	}
}

// AppendUint16s, AppendUint32s and AppendFloat32s append the elements of v in
// the form that the types of those names read.
func AppendUint16s(dst []byte, v []uint16) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint16(dst, x)
	}
	return dst
}

// AppendUint32s: see AppendUint16s.
func AppendUint32s(dst []byte, v []uint32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, x)
	}
	return dst
}

// AppendFloat32s: see AppendUint16s.
func AppendFloat32s(dst []byte, v []float32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// String returns b as a string without a copy: b must not change while the
// string is in use.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes returns s as bytes without a copy: they must not be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
