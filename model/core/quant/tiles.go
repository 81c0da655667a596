package quant

import (
	"math"

	"github.com/nearside/nearside/model/core/wire"
)

// A tile is 16 rows by 4 factors, 64 bytes: row r has bytes 4r … 4r+3. The
// tiles of 16 rows follow one another, factors 0 … 3 first, then those of the
// next 16 rows:
//
//	byte         0    1    2    3 │  4    5    6    7 │ …
//	row          0    0    0    0 │  1    1    1    1 │ …
//	factor       0    1    2    3 │  0    1    2    3 │ …
//	            └─ word ┴─ word ─┘
//
// Why not row by row, as [Rows]? There a row's sum ends up in all lanes of a
// vector and must be reduced, and 8 codes at a time must be widened. Here a
// lane of 32 bits is a row and nothing is reduced.
//
// Factors 0 and 2 are stored as code + 128, u, and 1 and 3 as they are, s. So a
// word is w = u + 256·s, its high byte is s = w >> 8, and where the query is
// a0 and a1, 8 bits each,
//
//	w·a0 + s·(a1 − 256·a0) = u·a0 + s·a1
//
// which is a shift and two multiplications of pairs for 16 codes. The query has
// 16 bits, of which these are the high ones; see [Tiles.Scan] for the rest.
const (
	tileItems   = 16
	tileFactors = 4
	tileBytes   = tileItems * tileFactors
)

// Tiles holds n rows of d factors like [Rows], factor f of row i being its code
// times Scales[i] · 2^Exp, with the codes in tiles. Rows beyond n and factors
// beyond d have code 0.
type Tiles struct {
	N, D   int
	Codes  []byte       // see [TileBytes]
	Scales wire.Uint16s // n, each at least 1
	Exp    int
}

// TileBytes returns how many bytes n rows of d codes take in tiles.
func TileBytes(n, d int) int {
	return (n + tileItems - 1) / tileItems * tileGroup(d)
}

// tileGroup returns how many bytes 16 rows of d codes take.
func tileGroup(d int) int { return (d + tileFactors - 1) / tileFactors * tileBytes }

// PackTiles lays out codes, n×d row-major, in tiles.
func PackTiles(codes []int8, d int) []byte {
	n := len(codes) / d
	tiles := make([]byte, TileBytes(n, d))
	for i := 0; i < len(tiles); i += 2 {
		tiles[i] = 128
	}
	for i := range n {
		at := tileAt(i, d)
		for f, c := range codes[i*d : (i+1)*d] {
			tiles[at+tileByte(f)] ^= byte(c)
		}
	}
	return tiles
}

// tileByte returns where factor f of a row stands, from factor 0 on.
func tileByte(f int) int { return f/tileFactors*tileBytes + f%tileFactors }

// tileCode returns the code of factor f that is stored as c.
func tileCode(c byte, f int) int32 { return int32(int8(c ^ byte(^f&1<<7))) }

// tileAt returns where factor 0 of row i stands.
func tileAt(i, d int) int { return i/tileItems*tileGroup(d) + i%tileItems*tileFactors }

// Tiled says that no code is −128. Without it a dot product cannot overflow.
func Tiled(tiles []byte) bool {
	return without(tiles, 0x8000800080008000) // -128 is 0 in even bytes
}

// DecodeTo implements [Table].
func (t Tiles) DecodeTo(dst []float32, i int) {
	scale, unit := int32(t.Scales.At(i)), Pow2(t.Exp)
	row := t.Codes[tileAt(i, t.D):]
	for f := range t.D {
		dst[f] = float32(tileCode(row[tileByte(f)], f)*scale) * unit
	}
}

// Prepare splits the query's codes into step·high + low, with high of 8 bits,
// and lays them out for the tiles: for each four factors a vector of 0 and 2,
// again and again, and one of 1 and 3.
func (t Tiles) Prepare(q *Query) {
	tiles := tileGroup(t.D) / tileBytes
	if size := 2 * queryLanes * tiles; len(q.words) != size {
		q.words, q.highs, q.high = make([]int16, size), make([]int16, size), make([]int16, tileFactors*tiles)
	}
	var largest int32
	for _, c := range q.codes {
		largest = max(largest, int32(c), -int32(c))
	}
	q.step = max(1, (largest+126)/127)
	var even, evenHigh, low int32
	for f := range q.high {
		c := int32(q.codes[f])
		half := q.step / 2
		if c < 0 {
			half = -half
		}
		h := (c + half) / q.step
		q.high[f] = int16(h)
		low += max(c-q.step*h, q.step*h-c)
		if f%2 == 0 {
			even += c
			evenHigh += h
		}
	}
	// Sums wrap, and so do these that start them: what comes out does not.
	q.start = -128 * even
	q.startHigh = -128*evenHigh + (127*low+q.step-1)/q.step
	for f := 0; f < len(q.high); f += tileFactors {
		words, highs := q.words[f/2*queryLanes:][:2*queryLanes], q.highs[f/2*queryLanes:][:2*queryLanes]
		for lane := range queryLanes {
			e, o := f+lane%2*2, f+lane%2*2+1
			words[lane], words[queryLanes+lane] = q.codes[e], q.codes[o]
			highs[lane], highs[queryLanes+lane] = q.high[e], q.high[o]-256*q.high[e]
		}
	}
}

// Coarse says false: see [Rows.Coarse].
func (t Tiles) Coarse() bool { return false }

// Scan implements [Table].
//
// With the query's codes step·high + low a row's sum is step·Σ code·high + rest,
// and |rest| ≤ 127·Σ|low|. So the scan adds up code·high, and that bound, and
// only where the result could be enough, which is rare, the sums of 16 rows are
// computed exactly: the answer is that of an exact scan.
func (t Tiles) Scan(top *Top, q *Query) {
	var dots [tileItems]int32
	size := tileGroup(t.D)
	whole := t.N / tileItems * tileItems
	for i := 0; i < whole; i += tileItems {
		i += tileItems * tileScan(t.Codes[i/tileItems*size:], t.D, q, t.Scales[2*i:2*whole], bar(top.least, q.step), &dots)
		if i == whole {
			break
		}
		t.offer(top, i, dots[:])
	}
	if whole < t.N {
		tileDots(t.Codes[whole/tileItems*size:], t.D, q, &dots)
		t.offer(top, whole, dots[:t.N-whole])
	}
}

// offer offers the rows from first on, which have these products.
func (t Tiles) offer(top *Top, first int, dots []int32) {
	for k, dot := range dots {
		// Why not leave that to Offer? It is not inlined, and hardly any row is kept.
		if score := int64(dot) * int64(t.Scales.At(first+k)); score >= top.least {
			top.Offer(first+k, score)
		}
	}
}

// bar returns a float32 that the float32 product of a sum and a scale reaches
// whenever step times their exact product is at least least. Rounding the sum
// and rounding the product changes it by less than 2^-22.9 of its size, and
// rounding the bar adds 2^-24.
func bar(least int64, step int32) float32 {
	x := float64(least) / float64(step)
	return float32(x - math.Abs(x)*(1.0/(1<<21)))
}

// Score implements [Table].
func (t Tiles) Score(list []Candidate, q *Query) {
	for k := range list {
		i := list[k].Item
		list[k].Score = int64(tileDot(t.Codes[tileAt(i, t.D):], q.codes[:t.D])) * int64(t.Scales.At(i))
	}
}

// tileDot returns the product of the row that starts at row[0] with query, d
// factors.
func tileDot(row []byte, query []int16) (sum int32) {
	for f, c := range query {
		sum += tileCode(row[tileByte(f)], f) * int32(c)
	}
	return sum
}

// tileDotsScalar sets dots to the products of 16 rows with the query.
func tileDotsScalar(tiles []byte, d int, q *Query, dots *[tileItems]int32) {
	for k := range dots {
		dots[k] = tileDot(tiles[k*tileFactors:], q.codes[:d])
	}
}

// tileScanScalar returns the number of the first 16 rows of which one could
// reach bar, and their products with the whole query; what whole sixteens there
// are when none can.
func tileScanScalar(tiles []byte, d int, q *Query, scales []byte, bar float32, dots *[tileItems]int32) int {
	size := tileGroup(d)
	groups := min(len(tiles)/size, len(scales)/(2*tileItems))
	bound := q.startHigh
	for f := 0; f < d; f += 2 {
		bound += 128 * int32(q.high[f])
	}
	for g := range groups {
		for k := range tileItems {
			most := tileDot(tiles[g*size+k*tileFactors:], q.high[:d]) + bound
			if float32(float32(most)*float32(wire.Uint16s(scales).At(g*tileItems+k))) >= bar {
				tileDotsScalar(tiles[g*size:], d, q, dots)
				return g
			}
		}
	}
	return groups
}
