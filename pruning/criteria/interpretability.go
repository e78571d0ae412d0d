package criteria

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
)

// interpretabilityCriteria come from methods that explain a network's decisions.
func interpretabilityCriteria() []Criterion {
	list := []Criterion{
		{Name: "lrp", Needs: Relevance, Comparable: true, Cost: 4, Score: onGamma((*Matrices).gamma, Relevance, meanRelevance),
			Source: "layer-wise relevance by z+, Yeom et al., Pattern Recognition 115, 2021, 1912.08881",
			Note:   "a layer has as much relevance as any other: across layers, wide ones lose more filters; 3 passes without linear bottlenecks"},
		{Name: "grad-cam", Needs: Saliency, Cost: 3, Score: onGamma((*Matrices).gamma, Saliency, meanSize),
			Source: "channel weights of Grad-CAM, Selvaraju et al., ICCV 2017, 1610.02391"},
		{Name: "selectivity", Needs: Activations, Cost: 1, Score: selectivity,
			Source: "class selectivity index, Morcos et al., ICLR 2018, 1803.06959",
			Note:   "a known-weak baseline: selective filters are not the important ones; for activations of at least 0 only"},
	}
	for i := range list {
		list[i].Family, list[i].Labels = "interpretability", true
	}
	return list
}

// meanRelevance is the mean over images of R, summed over the gates: the share of what speaks for the true class that goes
// through the filter.
func meanRelevance(s *gamma) []float64 {
	return slices.Clone(s.plain)
}

// meanSize is mean_n |x_n|.
func meanSize(s *gamma) []float64 { return slices.Clone(s.size) }

// selectivity is (μ_max - μ_rest)/(μ_max + μ_rest), μ being a filter's mean activation at the last gate in one class: the
// largest one, and the mean of the others. It refuses activations below 0, of which it is not defined.
func selectivity(m *Matrices, g *groups.Group) ([]float64, error) {
	if gate := m.Gates[len(m.Gates)-1]; gate.Signed {
		return nil, fmt.Errorf("activations of %s may lie below 0, and class selectivity is not defined for them", gate.Node)
	}
	s, err := m.sample(g)
	if err != nil {
		return nil, err
	}
	return s.each(func(i int) float64 {
		class, _ := s.means(s.x[i])
		top, sum := slices.Max(class), 0.0
		for _, v := range class {
			sum += v
		}
		rest := (sum - top) / float64(len(class)-1)
		return (top - rest) / (top + rest + 1e-9)
	}), nil
}
