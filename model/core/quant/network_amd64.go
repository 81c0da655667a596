//go:build goexperiment.simd

package quant

import "simd/archsimd"

// expSIMD does the first elements of Exp and returns how many.
func expSIMD(x []float32) int {
	if len(x) < 16 || !archsimd.X86.AVX512() {
		return 0
	}
	least, most := archsimd.BroadcastFloat32x16(expLeast), archsimd.BroadcastFloat32x16(expMost)
	scale, round := archsimd.BroadcastFloat32x16(log2E), archsimd.BroadcastFloat32x16(expRound)
	hi, lo, one := archsimd.BroadcastFloat32x16(ln2Hi), archsimd.BroadcastFloat32x16(ln2Lo), archsimd.BroadcastFloat32x16(1)
	c0, c1 := archsimd.BroadcastFloat32x16(expSeries[0]), archsimd.BroadcastFloat32x16(expSeries[1])
	c2, c3 := archsimd.BroadcastFloat32x16(expSeries[2]), archsimd.BroadcastFloat32x16(expSeries[3])
	c4, c5 := archsimd.BroadcastFloat32x16(expSeries[4]), archsimd.BroadcastFloat32x16(expSeries[5])
	i := 0
	for ; i+16 <= len(x); i += 16 {
		place := (*[16]float32)(x[i:])
		v := archsimd.LoadFloat32x16Array(place).Max(least).Min(most)
		t := v.Mul(scale).Add(round)
		k := t.Sub(round)
		r := v.Sub(k.Mul(hi)).Sub(k.Mul(lo))
		p := c0.Mul(r).Add(c1).Mul(r).Add(c2).Mul(r).Add(c3).Mul(r).Add(c4).Mul(r).Add(c5)
		p = r.Mul(r).Mul(p).Add(r).Add(one)
		p.ToBits().Add(t.ToBits().ShiftAllLeft(23)).BitsToFloat32().StoreArray(place)
	}
	archsimd.ClearAVXUpperBits()
	return i
}
