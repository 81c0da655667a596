package data

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// The columns of a Parquet file of vectors.
const (
	vectorIDColumn = iota
	vectorColumn
)

var vectorSchema = schema{
	vectorIDColumn: itemSchema[idColumn],
	vectorColumn:   {"vector", "features", "embedding", "factors", "vectors", "embeddings"},
}

// parquetVectors are the two columns of a file that is being read.
type parquetVectors struct {
	id, vector *parquetColumn
	row        int // rows read
	text       []byte
}

// readParquet appends the rows of one file.
func (v *Vectors) readParquet(s *source, c choice) (err error) {
	defer recoverParquet(s.name, &err)
	file, l, err := openParquetFile(s, vectorSchema, c)
	if err != nil {
		return fmt.Errorf("data: %s: %w", s.name, err)
	}
	var t parquetVectors
	top := file.Root().Columns()
	if t.id, err = newParquetColumn(file, top[l.cell[vectorIDColumn]], false); err != nil {
		return fmt.Errorf("data: %s: %w", s.name, err)
	}
	if t.vector, err = newParquetColumn(file, top[l.cell[vectorColumn]], true); err != nil {
		return fmt.Errorf("data: %s: %w", s.name, err)
	}
	if !t.vector.list || !t.vector.float {
		return fmt.Errorf("data: %s: column %q is %v: want a list of float or double", s.name, l.names[vectorColumn], top[l.cell[vectorColumn]])
	}
	for _, group := range file.RowGroups() {
		if err := v.addGroup(&t, group); err != nil {
			return fmt.Errorf("data: %s:%d: %w", s.name, t.row, err)
		}
	}
	return nil
}

// addGroup appends the rows of a row group.
func (v *Vectors) addGroup(t *parquetVectors, group parquet.RowGroup) (err error) {
	chunks := group.ColumnChunks()
	t.id.pages, t.vector.pages = chunks[t.id.leaf].Pages(), chunks[t.vector.leaf].Pages()
	defer func() { err = errors.Join(err, t.id.close(), t.vector.close()) }()
	for range group.NumRows() {
		t.row++
		if t.text, err = t.id.appendCell(t.text[:0]); err != nil {
			return err
		}
		if err := v.addID(t.text); err != nil {
			return err
		}
		before := len(v.Values)
		if v.Values, err = t.vector.appendNumbers(v.Values); err != nil {
			return err
		}
		n := len(v.Values) - before
		if v.Dim == 0 {
			v.Dim = n
		}
		if n != v.Dim {
			return fmt.Errorf("%d numbers: want %d, as many as in the first row", n, v.Dim)
		}
	}
	return nil
}

// appendNumbers appends the list of the next row, 1 to maxVectorDim numbers.
func (c *parquetColumn) appendNumbers(dst []float32) ([]float32, error) {
	for n := 0; ; n++ {
		err := c.fill()
		if err == io.EOF && n > 0 || err == nil && n > 0 && c.ready[0].RepetitionLevel() == 0 {
			return dst, nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return dst, err
		}
		value := c.ready[0]
		c.ready = c.ready[1:]
		if value.IsNull() || n == maxVectorDim {
			return dst, fmt.Errorf("number %d is null or one too many: want 1 to %d", n+1, maxVectorDim)
		}
		x := float64(value.Float())
		if value.Kind() == parquet.Double {
			x = value.Double()
		}
		f := float32(x)
		if f-f != 0 {
			return dst, notFinite(n, x)
		}
		dst = append(dst, f)
	}
}
