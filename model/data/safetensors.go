package data

import (
	"encoding/binary"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// safetensors (huggingface/safetensors, README, "Format"): the length of the
// header in 8 bytes, little-endian; the header, a JSON object; the numbers.
// The header says of each tensor its type, its shape and from where to where
// its bytes stand after the header:
//
//	{"items": {"dtype": "F32", "shape": [3, 64], "data_offsets": [0, 768]}}
const (
	// maxSafetensorsHeader is the reference implementation's bound.
	maxSafetensorsHeader = 100_000_000
	safetensorsNotes     = "__metadata__" // a key that is no tensor
)

// tensor is what a header says of a tensor.
type tensor struct {
	Type    string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// isSafetensors says whether a file that begins with start is one.
func isSafetensors(start []byte) bool {
	return len(start) > 8 && start[8] == '{' && binary.LittleEndian.Uint64(start) <= maxSafetensorsHeader
}

// readSafetensors reads the matrix called name, or the only one when name is
// "".
func (v *Vectors) readSafetensors(s *source, name string) error {
	if s.packed {
		return errors.New("want safetensors that are not compressed as a whole")
	}
	var start [8]byte
	if _, err := io.ReadFull(s.r, start[:]); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	size := int64(binary.LittleEndian.Uint64(start[:]))
	if size > s.size-8 {
		return fmt.Errorf("a header of %d bytes in a file of %d", size, s.size)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(s.r, header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	t, err := findTensor(header, name)
	if err != nil {
		return err
	}
	from, to := t.Offsets[0], t.Offsets[1]
	if from < 0 || to < from || to > s.size-8-size {
		return fmt.Errorf("data_offsets %v: want a part of %d bytes", t.Offsets, s.size-8-size)
	}
	num := number{kind: map[string]numberKind{"F16": half, "BF16": brain, "F32": single, "F64": double}[t.Type]}
	if num.kind == 0 {
		return fmt.Errorf("dtype %.40q: want F16, BF16, F32 or F64", t.Type)
	}
	numbers := io.NewSectionReader(s.file, 8+size+from, to-from)
	return v.readMatrix(numbers, matrix{number: num, shape: t.Shape, size: to - from})
}

// findTensor returns the tensor called name, or the only matrix when name is
// "".
func findTensor(header []byte, name string) (t tensor, err error) {
	var all map[string]jsontext.Value
	if err := json.Unmarshal(header, &all); err != nil {
		return tensor{}, fmt.Errorf("header: %w", err)
	}
	delete(all, safetensorsNotes)
	var matrices []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		var one tensor
		if err := json.Unmarshal(all[key], &one); err != nil {
			return tensor{}, fmt.Errorf("header: tensor %.40q: %w", key, err)
		}
		if key == name {
			return one, nil
		}
		if len(one.Shape) == 2 {
			matrices, t = append(matrices, key), one
		}
	}
	if name == "" && len(matrices) == 1 {
		return t, nil
	}
	if len(matrices) > 5 {
		matrices = append(matrices[:5], "…")
	}
	return tensor{}, fmt.Errorf("no matrix %q: name one of %.40q", name, matrices)
}
