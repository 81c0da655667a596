// Package quant turns item factors into small codes and back, and finds the
// best items of a catalogue for a query without decoding it.
//
// A [Table] holds n rows of d factors:
//
//	table    bytes per row at d = 64    what a row is
//	[Floats] 256                        float32
//	[Rows]   66                         int8 and a scale
//	[Tiles]  66                         the same in the order of a scan
//	[Rows4]  34                         int4 and a scale
//	[PQ]     any even number, 2 … d/2   4-bit codes of a product quantiser
//	[Signs]  10                         a sign per factor and a scale
//
// Encoders and decoders promise a bound on the error; see each type. A search
// is exact integer arithmetic (for Floats: float32 in a fixed order), so the
// scalar code, AVX2, AVX-512 and WebAssembly give the same answer. Build
// without GOEXPERIMENT=simd and only the scalar code is there.
//
// A search goes through a [Query] and a [Top]:
//
//	q.Set(person)
//	table.Prepare(q)
//	top.Reset(k, blocked)
//	table.Scan(top, q)
//	best := top.Best()
//
// The scores of PQ and Signs are coarse: take more than k of them and let
// [Table.Score] compute the exact ones, of the same table or of a finer one.
// Nothing allocates after the first call of its size.
//
// [Sparse] holds what is no table: rows of neighbours, each with a weight in every
// column.
//
// The float kernels of this package, [Axpy] to [CholeskySolve], solve ridge
// systems for training and for a person's fold-in; [AddProduct] to [Normalise] are
// what a sequence encoder is made of.
package quant
