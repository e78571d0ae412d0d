package criteria

import "github.com/secateur/secateur/pruning/groups"

// conceptCriteria compare what a filter looks at with what a person has marked.
func conceptCriteria() []Criterion {
	return []Criterion{{Name: "defect", Family: "interpretability", Needs: Overlaps, Cost: 1,
		Source: "Network Dissection, Bau et al., CVPR 2017, 1704.05796, on masks and boxes of defects",
		Note:   "needs masks or boxes; also says which filters look at the background", Score: defect}}
}

// defect is the intersection over union of the unit's strong activations with the defects, averaged over the gates.
func defect(m *Matrices, g *groups.Group) ([]float64, error) {
	out := make([]float64, len(g.Units))
	for _, gate := range m.Gates {
		for i := range out {
			out[i] += float64(gate.Overlap[i]) / float64(len(m.Gates))
		}
	}
	return out, nil
}
