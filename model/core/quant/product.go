package quant

// Matrix is a row-major matrix in a slice of its owner: row i is
// Data[i·Stride : i·Stride+Cols].
type Matrix struct {
	Rows, Cols, Stride int
	Data               []float32
}

// MatrixOf returns the rows×cols matrix that fills the start of data.
func MatrixOf(data []float32, rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: data[:rows*cols]}
}

// Row returns row i.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// Sub returns the given rows and columns of m, sharing its data.
func (m Matrix) Sub(fromRow, toRow, fromCol, toCol int) Matrix {
	if fromRow == toRow || fromCol == toCol {
		return Matrix{Rows: toRow - fromRow, Cols: toCol - fromCol}
	}
	return Matrix{
		Rows: toRow - fromRow, Cols: toCol - fromCol, Stride: m.Stride,
		Data: m.Data[fromRow*m.Stride+fromCol : (toRow-1)*m.Stride+toCol],
	}
}

// AddProduct adds the product a·b to dst: dst[i,j] += Σ_k a[i,k]·b[k,j], one
// rounded product after the other in the order of k. It panics when the sizes
// do not fit.
func AddProduct(dst, a, b Matrix) {
	if a.Cols != b.Rows {
		panic("quant: internal error: AddProduct: the sizes do not fit")
	}
	addProduct(dst, b, a.Data, a.Rows, a.Stride, 1)
}

// AddProductT is AddProduct with the transpose of a: dst[i,j] += Σ_k a[k,i]·b[k,j].
func AddProductT(dst, a, b Matrix) {
	if a.Rows != b.Rows {
		panic("quant: internal error: AddProductT: the sizes do not fit")
	}
	addProduct(dst, b, a.Data, a.Cols, 1, a.Stride)
}

// addProduct adds to dst[i,j] the products a[i·rowStep + k·colStep]·b[k,j].
func addProduct(dst, b Matrix, a []float32, rows, rowStep, colStep int) {
	if dst.Rows != rows || dst.Cols != b.Cols {
		panic("quant: internal error: AddProduct: the sizes do not fit")
	}
	if rows == 0 || b.Rows == 0 || b.Cols == 0 {
		return
	}
	// The kernels check no bounds.
	_, _, _ = dst.Row(rows-1), b.Row(b.Rows-1), a[(rows-1)*rowStep+(b.Rows-1)*colStep]
	rowsDone, colsDone := addProductSIMD(dst, b, a, rowStep, colStep)
	for i := range rows {
		from := 0
		if i < rowsDone {
			from = colsDone
		}
		row := dst.Row(i)[from:]
		if len(row) == 0 {
			continue
		}
		for k := range b.Rows {
			Axpy(row, b.Row(k)[from:], a[i*rowStep+k*colStep])
		}
	}
}
