package data

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// mixup blends the samples of a batch in random pairs, pictures and targets alike, with one share
// from Beta(alpha, alpha) for all (Zhang et al., arXiv:1710.09412), which it returns. Both of a pair are
// blended with each other; with an odd number one sample stays as it is.
//
//	x        n×len/n  in place
//	targets  n×classes  in place
//	mates    n  overwritten: the place of the other of the pair; nil if not wanted
func mixup(rng *rand.Rand, alpha float64, n int, x, targets []float32, mates []int32) float32 {
	share := float32(distuv.Beta{Alpha: alpha, Beta: alpha, Src: rng}.Rand())
	for i := range mates {
		mates[i] = int32(i)
	}
	order := rng.Perm(n)
	px, pt := len(x)/n, len(targets)/n
	for ; len(order) >= 2; order = order[2:] {
		i, j := order[0], order[1]
		blend(x[i*px:][:px], x[j*px:][:px], share)
		blend(targets[i*pt:][:pt], targets[j*pt:][:pt], share)
		if mates != nil {
			mates[i], mates[j] = int32(j), int32(i)
		}
	}
	return share
}

func blend(a, b []float32, share float32) {
	for i, v := range a {
		w := b[i]
		a[i] = w + (v-w)*share
		b[i] = v + (w-v)*share
	}
}
