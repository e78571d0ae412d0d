package criteria

import (
	"math"
	"slices"
)

// gram is the Gaussian kernel matrix of x, N×N, with the median of the distances that are not 0 as its width; nil
// where x is constant.
func gram(x []float64) []float64 {
	width := medianDistance(x)
	if width == 0 || math.IsNaN(width) {
		return nil
	}
	n, by := len(x), -1/(2*width*width)
	k := make([]float64, n*n)
	for i, a := range x {
		k[i*n+i] = 1
		for j, b := range x[:i] {
			v := math.Exp((a - b) * (a - b) * by)
			k[i*n+j], k[j*n+i] = v, v
		}
	}
	return k
}

// medianDistance is the median of |x_i-x_j| over the pairs that differ, the upper one of two; 0 without any. It
// counts, in sorted x, the pairs up to a distance and halves the interval that the median lies in.
func medianDistance(x []float64) float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	zero := pairsWithin(s, 0)
	all := len(s) * (len(s) - 1) / 2
	if all == zero || math.IsNaN(s[0]) {
		return 0
	}
	want := zero + (all-zero)/2 + 1
	lo, hi := 0.0, s[len(s)-1]-s[0]
	for range 60 {
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if pairsWithin(s, mid) >= want {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// pairsWithin counts the pairs of ascending s that are at most d apart.
func pairsWithin(s []float64, d float64) int {
	count, from := 0, 0
	for i, v := range s {
		for v-s[from] > d {
			from++
		}
		count += i - from
	}
	return count
}

// nhsic is HSIC(x, y)/√(HSIC(x, x)·HSIC(y, y)) with a Gaussian kernel on x and equality on the class, the biased
// estimate: 0 for independence, at most 1.
func (s *sample) nhsic(x []float64) float64 {
	k := gram(x)
	if k == nil {
		return 0
	}
	n := len(x)
	row := make([]float64, n)
	total := 0.0
	for i := range n {
		for _, v := range k[i*n : (i+1)*n] {
			row[i] += v
		}
		total += row[i]
		row[i] /= float64(n)
	}
	total /= float64(n * n)
	same := 0.0 // share of pairs of one class
	for _, c := range s.count {
		same += float64(c*c) / float64(n*n)
	}
	var kl, kk, ll float64
	for i := range n {
		li := float64(s.count[s.label[i]]) / float64(n)
		for j := range n {
			a := k[i*n+j] - row[i] - row[j] + total
			b := same - li - float64(s.count[s.label[j]])/float64(n)
			if s.label[i] == s.label[j] {
				b++
			}
			kl += a * b
			kk += a * a
			ll += b * b
		}
	}
	if kk == 0 || ll == 0 {
		return 0
	}
	return kl / math.Sqrt(kk*ll)
}

// renyi is S(A)+S(B)-S(A∘B) in bit, S(A) = -log₂ Σ a², A the kernel matrix of x over N, B that of the classes,
// A∘B scaled to trace 1.
func (s *sample) renyi(x []float64) float64 {
	k := gram(x)
	if k == nil {
		return 0
	}
	n := len(x)
	var a, b, ab float64
	for i := range n {
		for j := range n {
			v := k[i*n+j] * k[i*n+j]
			a += v
			if s.label[i] == s.label[j] {
				b++
				ab += v
			}
		}
	}
	square := float64(n * n)
	return -math.Log2(a/square) - math.Log2(b/square) + math.Log2(ab/square)
}
