package train

import "math"

// Adam: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015,
// algorithm 1.
const (
	adamFirst, adamSecond = .9, .98 // how much of the moments stays
	adamEpsilon           = 1e-8
)

// adam is one of its steps, for all parameters.
type adam struct {
	rate, correct float32 // rate of the first moment, and factor of the second, without their bias
}

// newAdam is for the steps-th step, from 1.
func newAdam(rate float32, steps int) adam {
	return adam{
		rate:    rate / float32(1-math.Pow(adamFirst, float64(steps))),
		correct: 1 / float32(1-math.Pow(adamSecond, float64(steps))),
	}
}

// move moves the parameters x, which have the gradient g, and their moments m and
// v.
func (a adam) move(x, g, m, v []float32) {
	for k, dx := range g {
		m[k] = float32(adamFirst*m[k]) + float32((1-adamFirst)*dx)
		v[k] = float32(adamSecond*v[k]) + float32(float32((1-adamSecond)*dx)*dx)
		x[k] -= float32(a.rate*m[k]) / (float32(math.Sqrt(float64(v[k]*a.correct))) + adamEpsilon)
	}
}
