package pack

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/nearside/nearside/model/core/bundle"
)

// writer writes the canonical subset with the msgpack library. Only its
// explicit calls are used: Encode of a typed value is not always in shortest
// form, and it does not sort maps. The first error sticks.
type writer struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
	err error
}

func newWriter() *writer {
	w := &writer{}
	w.enc = msgpack.NewEncoder(&w.buf)
	return w
}

func (w *writer) bytes() ([]byte, error) {
	if w.err != nil {
		return nil, fmt.Errorf("pack: %w", w.err)
	}
	return w.buf.Bytes(), nil
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) mapLen(n int)  { w.keep(w.enc.EncodeMapLen(n)) }
func (w *writer) array(n int)   { w.keep(w.enc.EncodeArrayLen(n)) }
func (w *writer) key(k uint64)  { w.keep(w.enc.EncodeUint(k)) }
func (w *writer) uint(v uint64) { w.keep(w.enc.EncodeUint(v)) }
func (w *writer) bin(b []byte) {
	w.keep(w.enc.EncodeBytesLen(len(b)))
	_, err := w.enc.Writer().Write(b)
	w.keep(err)
}

func (w *writer) uintField(k, v uint64) { w.key(k); w.uint(v) }
func (w *writer) intField(k uint64, v int64) {
	w.key(k)
	w.keep(w.enc.EncodeInt(v))
}
func (w *writer) stringField(k uint64, s string) { w.key(k); w.keep(w.enc.EncodeString(s)) }
func (w *writer) binField(k uint64, b []byte)    { w.key(k); w.bin(b) }

// answers writes known answers.
func (w *writer) answers(list []bundle.KnownAnswer) {
	w.array(len(list))
	for _, a := range list {
		w.mapLen(2)
		w.binField(0, a.Request)
		w.binField(1, a.Items[:])
	}
}

// document starts a map of n pairs whose first says which document it is.
func (w *writer) document(name string, n int) { w.mapLen(n); w.stringField(0, name) }
