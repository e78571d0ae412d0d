package criteria

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// drawn is a sample of f units over n images of c classes, images of a class around means of their own.
func drawn(f, n, c int) *sample {
	r := rand.New(rand.NewPCG(1, uint64(f)))
	s := &sample{classes: c, count: make([]int, c)}
	for i := range n {
		s.label = append(s.label, i%c)
		s.count[i%c]++
	}
	for range f {
		means, x := make([]float64, c), make([]float64, n)
		for k := range means {
			means[k] = r.NormFloat64()
		}
		for i := range x {
			x[i] = means[i%c] + r.NormFloat64()
		}
		s.x = append(s.x, x)
	}
	return s
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*(1+math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestJensenShannon is identities e and f: plug-in information is the generalised Jensen-Shannon divergence of the
// classes' histograms, and the mean of their divergences from the histogram of all.
func TestJensenShannon(t *testing.T) {
	s := drawn(1, 37, 3)
	const bins = 4
	bin := equallyFilled(s.x[0], s.orders()[0], bins)
	all, class := make([]float64, bins), make([][bins]float64, 3)
	for i, b := range bin {
		all[b] += 1. / 37
		class[s.label[i]][b] += 1 / float64(s.count[s.label[i]])
	}
	entropyOf := func(p []float64) (h float64) {
		for _, v := range p {
			if v > 0 {
				h -= v * math.Log(v)
			}
		}
		return h
	}
	jsd, kl := entropyOf(all), 0.0
	for c := range class {
		share := float64(s.count[c]) / 37
		jsd -= share * entropyOf(class[c][:])
		for b, p := range class[c] {
			if p > 0 {
				kl += share * p * math.Log(p/all[b])
			}
		}
	}
	got := newContingency(s.label, 3, bins).of(bin).information(membersOf(s.label, 3))
	near(t, "Jensen-Shannon divergence", jsd, got)
	near(t, "mean divergence", kl, got)
	if got < 0.01 {
		t.Errorf("information is %v: nothing was tested", got)
	}
}

// TestWilks is identity i: of one Gaussian unit, information is -½ ln(1-η²); of a set, half the logarithm of Wilks' Λ, which
// pairs have and the gains of the greedy search add up to.
func TestWilks(t *testing.T) {
	s := drawn(5, 60, 3)
	within, total := s.scatters().within, make([]float64, 5*5)
	for i := range 5 {
		s.scatters().total(total[5*i:5*i+5], i, 0)
	}
	for i, x := range s.x {
		class, mean := s.means(x)
		between := 0.0
		for c, v := range class {
			between += float64(s.count[c]) * (v - mean) * (v - mean)
		}
		near(t, "one unit", s.relevance()[i], -math.Log(1-between/total[i*5+i])/2)
	}
	lambda := func(of []int) float64 {
		a, b := mat.NewDense(len(of), len(of), nil), mat.NewDense(len(of), len(of), nil)
		for i, u := range of {
			for j, v := range of {
				a.Set(i, j, total[u*5+v])
				b.Set(i, j, within[u*5+v])
			}
		}
		return math.Log(mat.Det(a)/mat.Det(b)) / 2
	}
	near(t, "a pair", s.pairInformations()[1*5+3], lambda([]int{1, 3}))
	v := s.scatters().conditional(5, 0)
	sum := 0.0
	for _, i := range []int{2, 0, 4, 1, 3} {
		sum += math.Log(v.ratio(i)) / 2
		v.condition(i)
	}
	near(t, "gains", sum, lambda([]int{0, 1, 2, 3, 4}))
}

// TestCopyTellsNothing is identity m for greedy information: of a unit and its copy one comes last, though each by itself
// tells more than any other. With fewer images than units cmi shrinks so much that a copy keeps some of its gain.
func TestCopyTellsNothing(t *testing.T) {
	for _, n := range []int{60, 12} { // more and fewer images than units
		s := drawn(14, n, 3)
		for i := range s.x[2] {
			s.x[2][i] = 3*float64(s.label[i]) + s.x[2][i]
		}
		s.x[5] = s.x[2]
		for name, search := range map[string]func(*sample) []int{"cmi": cmi, "mrmr": mrmr} {
			place := byOrder(search(s))
			if first, second := max(place[2], place[5]), min(place[2], place[5]); first != 14 || second > 6 && !(name == "cmi" && n < len(s.x)) {
				t.Errorf("%s, %d images: of 14 the pair has places %v and %v", name, n, first, second)
			}
		}
	}
}

// TestSeries: the Fourier series sums the kernel as pairs do, also where values are far apart, equal or all but one.
func TestSeries(t *testing.T) {
	s := &sample{count: []int{1, 9, 30, 20}}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, spread := range []float64{1e-3, 1, 30} {
		y := make([]float64, 60)
		for i := range y {
			y[i] = max(0, spread*rng.NormFloat64())
		}
		y[7] = 10 * spread
		period, terms := seriesOf(slices.Max(y) - slices.Min(y))
		sums := func(k *pairSums) []float64 {
			return []float64{k.all, k.same, k.allSquares, k.sameOfSquares, k.shared, k.rowSquares}
		}
		got, want := sums(s.series(y, period, terms)), sums(s.eachPair(y))
		for i, have := range got {
			if math.Abs(have-want[i]) > 1e-9*60 {
				t.Errorf("spread %g, %d terms: sum %d is %v, of pairs %v", spread, terms, i, have, want[i])
			}
		}
	}
}

// TestMedianDistance holds it against the list of all distances, with and without values that are equal.
func TestMedianDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 80; n++ {
		x, apart := make([]float64, n), []float64(nil)
		for i := range x {
			if x[i] = rng.NormFloat64(); n%3 == 0 {
				x[i] = max(0, math.Round(2*x[i]))
			}
			for _, y := range x[:i] {
				if y != x[i] {
					apart = append(apart, math.Abs(x[i]-y))
				}
			}
		}
		slices.Sort(apart)
		want := 0.0
		if len(apart) > 0 {
			want = apart[len(apart)/2]
		}
		slices.Sort(x)
		if got := medianDistance(x); got != want {
			t.Errorf("of %d values: %v, want %v", n, got, want)
		}
	}
}
