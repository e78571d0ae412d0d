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
	mid := likelyMedian(s)
	dense := 0.43 * float64(upTo-below) / mid // pairs a distance about there, of normal values
	for steps := 0; upTo-below > len(s); steps++ {
		all, n := upTo-below, pairsWithin(s, mid)
		if n > want {
			hi, upTo = mid, n
		} else {
			lo, below = mid, n
		}
		share := 0.5
		if steps < 2 {
			share = (mid + beyond(float64(want-n)+0.5, float64(len(s)))/dense - lo) / (hi - lo)
		}
		if steps >= 2 && 2*(upTo-below) <= all || !(share > 0 && share < 1) {
			share = inside(float64(want-below)+0.5, float64(upTo-below), float64(len(s)))
		}
		if mid = lo + (hi-lo)*share; mid == lo || mid == hi {
			return hi
		}
	}
	left := distances(s, lo, hi)
	slices.Sort(left)
	return left[want-below]
}

// likelyMedian is about the median distance: that of eight values which stand for all.
func likelyMedian(s []float64) float64 {
	apart := make([]float64, 0, 28)
	for i := range 8 {
		for j := range i {
			if d := s[(2*i+1)*len(s)/16] - s[(2*j+1)*len(s)/16]; d > 0 {
				apart = append(apart, d)
			}
		}
	}
	if len(apart) == 0 {
		return (s[len(s)-1] - s[0]) / 2
	}
	slices.Sort(apart)
	return apart[len(apart)*4/9] // those within an eighth, which are less apart, are missing
}

// beyond goes so much further than wanted that it should lie on the other side.
func beyond(wanted, few float64) float64 { return 1.2*wanted + math.Copysign(few/4, wanted) }

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
	orders, sorted, y := s.orders(), make([]float64, len(s.label)), make([]float64, len(s.label))
	for i, x := range s.x {
		if !finite(mean(x)) {
			s.nhsic[i], s.renyi[i] = math.NaN(), math.NaN()
			continue
		}
		for at, n := range orders[i] {
			sorted[at] = x[n]
		}
		if width := medianDistance(sorted); width > 0 {
			by := math.Sqrt(0.5) / width
			for at, n := range order {
				y[at] = x[n] * by
			}
			k := s.pairs(y, (sorted[len(sorted)-1]-sorted[0])*by)
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
	all, same                 float64 // of all pairs, and of those of one class
	allSquares, sameOfSquares float64
	shared                    float64 // of the rows of images, by the share of their class
	rowSquares                float64 // mean of their squares
}

// pairs sums the kernel exp(-(y_i-y_j)²) of y in the order of byClass, which lie up to that far apart: by its Fourier series, or
// pair by pair where y has outliers and the series would be longer than there are images.
func (s *sample) pairs(y []float64, apart float64) *pairSums {
	if period, terms := seriesOf(apart); terms <= len(y) {
		return s.series(y, period, terms)
	}
	return s.eachPair(y)
}

// eachPair looks at the pairs of images.
func (s *sample) eachPair(y []float64) *pairSums {
	k, rows, at := &pairSums{}, make([]float64, len(y)), 0
	for _, c := range s.count {
		for first, end := at, at+c; at < end; at++ {
			sum, squares := kernelRow(rows[:first], y, y[at])
			same, sameSquares := kernelRow(rows[first:at], y[first:], y[at])
			rows[at] += sum + same + 1
			k.all, k.same = k.all+2*(sum+same)+1, k.same+2*same+1
			k.allSquares, k.sameOfSquares = k.allSquares+2*(squares+sameSquares)+1, k.sameOfSquares+2*sameSquares+1
		}
	}
	n := float64(len(y))
	for _, c := range s.count {
		for _, row := range rows[:c] {
			k.shared += row * float64(c) / n
			k.rowSquares += row * row / n
		}
		rows = rows[c:]
	}
	return k
}

// kernelRow sums the kernel of v and as many y as there are rows, which get their share.
func kernelRow(rows, y []float64, v float64) (sum, squares float64) {
	for j, u := range y[:len(rows)] {
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
	var same, labelRows float64
	for _, c := range s.count {
		m := float64(c)
		same += m * m
		labelRows += m * m * m
	}
	kl := k.same - 2*k.shared + k.all*same/(n*n)
	kk := k.allSquares - 2*k.rowSquares + k.all*k.all/(n*n)
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
