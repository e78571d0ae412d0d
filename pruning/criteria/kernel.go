package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
)

// medianDistance is the median of |s_i-s_j| over the pairs of ascending s that differ, the upper one of two; 0 without
// any. It counts the pairs up to a distance, narrows the interval that the median lies in, and sorts what is left once it
// is little.
func medianDistance(s []float64) float64 {
	lo, hi := 0.0, s[len(s)-1]-s[0]
	below, upTo := pairsWithin(s, 0), len(s)*(len(s)-1)/2
	if below == upTo || !finite(hi) {
		return 0
	}
	want := below + (upTo-below)/2
	share := 0.2 // where it about is of normal values
	for upTo-below > len(s) {
		all, mid := upTo-below, lo+(hi-lo)*share
		if mid == lo || mid == hi {
			return hi
		}
		if n := pairsWithin(s, mid); n > want {
			hi, upTo = mid, n
		} else {
			lo, below = mid, n
		}
		if share = 0.5; 2*(upTo-below) <= all {
			share = inside(float64(want-below)+0.5, float64(upTo-below), float64(len(s)))
		}
	}
	left := distances(s, lo, hi)
	slices.Sort(left)
	return left[want-below]
}

// inside is where to divide an interval that so many distances lie in: where the wanted one is if they are spread evenly, and
// so much nearer to the middle that it should lie in the smaller part.
func inside(wanted, all, few float64) float64 {
	nearer := min(wanted, all-wanted)
	share := min((1.2*nearer+few/4)/all, 0.9)
	if wanted > nearer {
		return 1 - share
	}
	return share
}

// distances are those of the pairs of ascending s that are more than lo and at most hi apart.
func distances(s []float64, lo, hi float64) []float64 {
	list, from := make([]float64, 0, len(s)), 0
	for i, v := range s {
		for v-s[from] > hi {
			from++
		}
		for j := from; j < i && v-s[j] > lo; j++ {
			list = append(list, v-s[j])
		}
	}
	return list
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

// onKernels scores by one of the quantities that kernels makes.
func onKernels(score func(*sample) []float64) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		s, err := m.sample(g)
		if err != nil {
			return nil, err
		}
		if s.nhsic == nil {
			s.kernels()
		}
		return slices.Clone(score(s)), nil
	}
}

// kernels makes, for each unit, with k the Gaussian kernel on x, as wide as the median of the distances that are not 0,
// and l equality of classes:
//
//	nhsic  HSIC(k, l)/√(HSIC(k, k)·HSIC(l, l)), the biased estimate: 0 for independence, at most 1
//	renyi  S(k)+S(l)-S(k∘l) in bit, S(a) = -log₂ Σ (a/N)²
//
// A constant x has neither.
func (s *sample) kernels() {
	order := s.byClass()
	s.nhsic, s.renyi = make([]float64, len(s.x)), make([]float64, len(s.x))
	orders, sorted, room := s.orders(), make([]float64, len(s.label)), make([]float64, 5*len(s.label))
	for i, x := range s.x {
		if !finite(mean(x)) {
			s.nhsic[i], s.renyi[i] = math.NaN(), math.NaN()
			continue
		}
		for at, n := range orders[i] {
			sorted[at] = x[n]
		}
		if width := medianDistance(sorted); width > 0 {
			k := s.pairs(x, order, width, room)
			s.nhsic[i], s.renyi[i] = s.dependence(k), s.shared(k)
		}
	}
}

// byClass is the images, those of a class together.
func (s *sample) byClass() []int {
	order := make([]int, len(s.label))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return s.label[a] - s.label[b] })
	return order
}

// pairSums is sums over all pairs of a kernel matrix.
type pairSums struct {
	rows                      []float64 // of each image, in the order of byClass
	all, same                 float64   // of all pairs, and of those of one class
	allSquares, sameOfSquares float64
}

// pairs sums the Gaussian kernel of x: by its Fourier series, or pair by pair where x has outliers and the series would be
// longer than there are images.
//
//	room  5·N
func (s *sample) pairs(x []float64, order []int, width float64, room []float64) *pairSums {
	by := math.Sqrt(0.5) / width
	y, room := room[:len(x)], room[len(x):]
	for i, at := range order {
		y[i] = x[at] * by
	}
	if period, terms := seriesOf(slices.Max(y) - slices.Min(y)); terms <= len(y) {
		return s.series(y, period, terms, room)
	}
	return s.eachPair(y)
}

// eachPair sums the kernel exp(-(y_i-y_j)²) over the pairs of images in the order of byClass.
func (s *sample) eachPair(y []float64) *pairSums {
	k := &pairSums{rows: make([]float64, len(y))}
	at := 0
	for _, c := range s.count {
		for first, end := at, at+c; at < end; at++ {
			sum, squares := k.row(y, 0, first, at)
			same, sameSquares := k.row(y, first, at, at)
			k.rows[at] += sum + same + 1
			k.all, k.same = k.all+2*(sum+same)+1, k.same+2*same+1
			k.allSquares, k.sameOfSquares = k.allSquares+2*(squares+sameSquares)+1, k.sameOfSquares+2*sameSquares+1
		}
	}
	return k
}

// row sums the kernel of image i and those from lo to hi, which get their share.
func (k *pairSums) row(y []float64, lo, hi, i int) (sum, squares float64) {
	rows, v := k.rows[lo:hi], y[i]
	for j, u := range y[lo:hi] {
		e := math.Exp(-(v - u) * (v - u))
		rows[j] += e
		sum += e
		squares += e * e
	}
	return sum, squares
}

// dependence is nhsic.
func (s *sample) dependence(k *pairSums) float64 {
	n := float64(len(s.label))
	var same, labelRows, cross, rows float64
	at := 0
	for _, c := range s.count {
		m := float64(c)
		same += m * m
		labelRows += m * m * m
		for range c {
			cross += k.rows[at] * m
			rows += k.rows[at] * k.rows[at]
			at++
		}
	}
	kl := k.same - 2*cross/n + k.all*same/(n*n)
	kk := k.allSquares - 2*rows/n + k.all*k.all/(n*n)
	ll := same - 2*labelRows/n + same*same/(n*n)
	if kk <= 0 || ll <= 0 {
		return 0
	}
	return kl / math.Sqrt(kk*ll)
}

// shared is renyi.
func (s *sample) shared(k *pairSums) float64 {
	same := 0.0
	for _, c := range s.count {
		same += float64(c * c)
	}
	n := float64(len(s.label))
	return math.Log2(k.sameOfSquares * n * n / (k.allSquares * same))
}
