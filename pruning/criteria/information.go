package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/groups"
)

// informationCriteria say how much a filter's mean activation tells of the class: they rank inside a layer
// (Amjad et al., 1804.06679), never across.
func informationCriteria() []Criterion {
	list := []Criterion{
		{Name: "mi", Source: "Gaussian mutual information of ω², as in discriminant information, 1803.08134 and 2005.13796", Score: onSample(gaussian)},
		{Name: "mi-binned", Source: "plug-in mutual information of equally filled bins, Battiti 1994", Score: binned,
			Note: "less the mean of 20 permutations of the labels; a weak estimate below 20 images a class"},
		{Name: "nhsic", Source: "normalised HSIC, Gretton et al. 2005; APIB, ICCV 2023", Score: onKernels(func(s *sample) []float64 { return s.nhsic })},
		{Name: "renyi", Source: "matrix-based Rényi information with α = 2, Giraldo et al., 1211.2459; HRel, 2202.10716", Score: onKernels(func(s *sample) []float64 { return s.renyi })},
		{Name: "hellinger", Source: "mean Hellinger² between classes; kin of TVSPrune, ICLR 2023", Score: onSample((*sample).hellinger)},
		{Name: "jmi", Source: "joint mutual information, Yang & Moody, NIPS 1999, Gaussian pairs", Score: onSets(jmi)},
		{Name: "mrmr", Source: "minimum redundancy maximum relevance, Peng et al. 2005, Gaussian pairs", Score: onSets(mrmr)},
		{Name: "cmi", Source: "greedy conditional mutual information, discriminant information 2005.13796", Score: onSets(cmi),
			Note: "behind about as many filters as there are images less classes only noise is left to tell them apart"},
	}
	for i := range list {
		list[i].Family, list[i].Needs, list[i].Labels, list[i].Cost = "information", Activations, true, 1
	}
	return list
}

// onSample scores each unit by itself.
func onSample(score func(s *sample, i int) float64) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		s, err := m.sample(g)
		if err != nil {
			return nil, err
		}
		return s.each(func(i int) float64 { return score(s, i) }), nil
	}
}

// gaussian is -½ ln(1-ω²), in nat: what a Gaussian x with equal spread in all classes tells of the class.
func gaussian(s *sample, i int) float64 { return -math.Log(1-s.omega(s.spread(i))) / 2 }

// Omega is ω² of x by labels, as mi has it; 0 where no two rows of a class could differ.
func Omega(x []float64, labels []int) float64 {
	s := &sample{}
	if s.number(labels); s.classes < 2 || slices.Max(s.count) < 2 {
		return 0
	}
	v := s.spreadOf(x)
	return s.omega(v[0], v[1])
}

// omega is ω² by class, of Σ (x-x̄)² in total and within classes, corrected for chance (Hays 1963): (SSB-(C-1)·MSW)/(SSB+SSW+MSW), at least 0. A
// constant x has none.
func (s *sample) omega(total, within float64) float64 {
	msw := within / float64(len(s.label)-s.classes)
	w := (total - within - float64(s.classes-1)*msw) / (total + msw)
	if math.IsNaN(w) && total == 0 {
		return 0
	}
	return math.Min(math.Max(w, 0), 1-1e-9)
}

// nullPermutations is the number of shuffled labellings that a binned estimate is corrected by.
const nullPermutations = 20

// binned is the plug-in mutual information of x in bins with the class, in nat, less what shuffled labels give,
// at least 0.
func binned(m *Matrices, g *groups.Group) ([]float64, error) {
	s, err := m.sample(g)
	if err != nil {
		return nil, err
	}
	own, shuffled := membersOf(s.label, s.classes), make([]members, nullPermutations)
	for k := range shuffled {
		labels := slices.Clone(s.label)
		r := random.Stream(m.Seed, "labels", uint64(k))
		r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
		shuffled[k] = membersOf(labels, s.classes)
	}
	table, orders := newContingency(s.label, s.classes, min(max(2, len(s.label)/(5*s.classes)), 8)), s.orders()
	out := make([]float64, len(s.x))
	for i, x := range s.x {
		if out[i] = mean(x); !finite(out[i]) {
			continue
		}
		table.of(equallyFilled(x, orders[i], table.bins))
		null := 0.0
		for _, labels := range shuffled {
			null += table.information(labels)
		}
		out[i] = math.Max(0, table.information(own)-null/nullPermutations)
	}
	return out, nil
}

// equallyFilled is the bin of each value: bins hold equally many, but equal values share one.
//
//	order  the places of x by ascending value
func equallyFilled(x []float64, order []int, bins int) []int {
	bin, first := make([]int, len(x)), 0
	for i, at := range order {
		if x[at] != x[order[first]] {
			first = i
		}
		bin[at] = first * bins / len(x)
	}
	return bin
}

// hellinger is the mean over pairs of classes, weighted by their shares, of the squared Hellinger distance of
// Gaussians; deviations are at least a thousandth of the range.
func (s *sample) hellinger(i int) float64 {
	x := s.x[i]
	class, _ := s.means(x)
	floor := (slices.Max(x) - slices.Min(x)) * 1e-3
	if floor == 0 {
		return 0
	}
	deviation := make([]float64, s.classes)
	for n, v := range x {
		d := v - class[s.label[n]]
		deviation[s.label[n]] += d * d / float64(s.count[s.label[n]])
	}
	for c := range deviation {
		deviation[c] = math.Max(math.Sqrt(deviation[c]), floor)
	}
	sum, weight := 0.0, 0.0
	for a := range s.classes {
		for b := range a {
			w := float64(s.count[a] * s.count[b])
			v := deviation[a]*deviation[a] + deviation[b]*deviation[b]
			d := class[a] - class[b]
			sum += w * (1 - math.Sqrt(2*deviation[a]*deviation[b]/v)*math.Exp(-d*d/(4*v)))
			weight += w
		}
	}
	return sum / weight
}
