package quant

import "math"

// Signs holds n rows of d factors as one bit each and a scale per row: factor f
// of row i is ±Scales[i] · 2^Exp. It is a [PQ] of four factors a
// group whose 16 centroids are the corners of a cube, so it is laid out and
// scanned like one: bit j of a group's code is set when factor 4·group+j is not
// negative. Factors beyond d have bit 0 and meet a query of 0.
type Signs struct {
	N, D   int
	Codes  []byte // blocks of [SignGroups] groups, see PackPQ
	Scales []byte // n
	Exp    int
}

// SignGroups returns how many groups of four hold d signs: an even number.
func SignGroups(d int) int { return (d + 7) / 8 * 2 }

// EncodeSigns quantises rows, n×d row-major and finite. A row's scale is the
// mean size of its factors, the one with the least squared error (Rastegari et
// al., XNOR-Net, ECCV 2016, eq. 6), to within half of 2^exp.
func EncodeSigns(rows []float32, d int) (codes, scales []byte, exp int) {
	n, m := len(rows)/d, SignGroups(d)
	mean := make([]float64, n)
	bits := make([]byte, n*m)
	var largest float64
	for i := range n {
		for f, x := range rows[i*d : (i+1)*d] {
			mean[i] += math.Abs(float64(x)) / float64(d)
			if x >= 0 {
				bits[i*m+f/4] |= 1 << (f % 4)
			}
		}
		largest = max(largest, mean[i])
	}
	exp = fitExp(float32(largest), math.MaxUint8)
	scales = make([]byte, n)
	for i := range scales {
		scales[i] = byte(min(math.RoundToEven(mean[i]/math.Ldexp(1, exp)), math.MaxUint8))
	}
	return PackPQ(bits, m), scales, exp
}

// DecodeTo implements [Table].
func (s Signs) DecodeTo(dst []float32, i int) {
	x := float32(s.Scales[i]) * Pow2(s.Exp)
	m := SignGroups(s.D)
	for f := range s.D {
		if dst[f] = x; codeAt(s.Codes, m, i, f/4)>>(f%4)&1 == 0 {
			dst[f] = -x
		}
	}
}

// Prepare computes the product of every corner with the query, exactly, and in
// 6 bits for the scan.
func (s Signs) Prepare(q *Query) {
	q.tables(SignGroups(s.D))
	for t := 0; t < len(q.exact); t += 16 {
		for c := range 16 {
			var sum int64
			for j := range 4 {
				if f := t/4 + j; f < s.D {
					x := int64(q.codes[f])
					if c>>j&1 == 0 {
						x = -x
					}
					sum += x
				}
			}
			q.exact[t+c] = sum
		}
	}
	q.shrink()
}

// Coarse says true: the scan adds up 6 bits for each group.
func (s Signs) Coarse() bool { return true }

// Scan implements [Table].
func (s Signs) Scan(top *Top, q *Query) { scanSums(s.Codes, SignGroups(s.D), s.N, s.Scales, top, q) }

// Score implements [Table].
func (s Signs) Score(list []Candidate, q *Query) {
	scoreSums(list, s.Codes, SignGroups(s.D), s.Scales, q)
}
