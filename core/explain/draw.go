package explain

import (
	"cmp"
	"math"
	"slices"
)

// Layer is how wide a layer was and is, and why filters went.
type Layer struct {
	Name    string         `json:"name"`
	Before  int            `json:"before"`
	After   int            `json:"after"`
	Reasons map[Reason]int `json:"reasons"` // of the removed ones
}

// Heat is which classes the filters of a layer work for.
type Heat struct {
	Layer   string      `json:"layer"`
	Filters []int       `json:"filters"` // neighbours work for the same class
	Removed []bool      `json:"removed"`
	Share   [][]float64 `json:"share"` // by class and filter: mean |Γ| of the margin, as a share of the layer's largest
}

// draw is what is said of the whole network.
func (e *explainer) draw() error {
	for _, l := range e.layers {
		e.out.Layers = append(e.out.Layers, l.widths(e))
	}
	e.heats()
	e.out.Agreement = e.agreement()
	return nil
}

// widths counts reasons. A filter with a card has the reason of its card.
func (l *layer) widths(e *explainer) Layer {
	out := Layer{Name: l.group.Name, Before: len(l.group.Units), After: len(l.group.Units) - len(l.gone), Reasons: map[Reason]int{}}
	said := map[int]Reason{}
	for _, c := range e.out.Cards {
		if c.layer == l {
			said[c.unit] = c.Reason
		}
	}
	for u := range l.gone {
		r, ok := said[u]
		if !ok {
			r = l.facts(e, u).reason()
		}
		out.Reasons[r]++
	}
	return out
}

// Bounds on the heat maps.
const (
	mostHeats   = 3
	mostFilters = 96
)

// heats are those of the first, the middle and the last layer that lost filters.
func (e *explainer) heats() {
	var cut []*layer
	for _, l := range e.layers {
		if len(l.gone) > 0 {
			cut = append(cut, l)
		}
	}
	if len(cut) > mostHeats {
		cut = []*layer{cut[0], cut[len(cut)/2], cut[len(cut)-1]}
	}
	for _, l := range cut {
		e.out.Heats = append(e.out.Heats, l.heat(len(e.run.Classes)))
	}
}

// heat orders the filters by the class that they work for most; of very many it shows every n-th.
func (l *layer) heat(classes int) Heat {
	by := l.byClass(classes)
	f := len(l.group.Units)
	order := make([]int, f)
	best := make([]int, f)
	for u := range f {
		order[u] = u
		for c := range classes {
			if by[c][u] > by[best[u]][u] {
				best[u] = c
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(best[a], best[b]), cmp.Compare(by[best[b]][b], by[best[a]][a]))
	})
	h := Heat{Layer: l.group.Name, Share: make([][]float64, classes)}
	for i := 0; i < f; i += (f + mostFilters - 1) / mostFilters {
		u := order[i]
		_, gone := l.gone[u]
		h.Filters, h.Removed = append(h.Filters, l.filter(u)), append(h.Removed, gone)
		for c := range classes {
			h.Share[c] = append(h.Share[c], by[c][u])
		}
	}
	return h
}

// byClass is mean |Γ| of the margin at the last gate by class and unit, as shares of the largest.
func (l *layer) byClass(classes int) [][]float64 {
	f, gate := len(l.group.Units), l.matrices.Gates[len(l.matrices.Gates)-1]
	by, count, top := make([][]float64, classes), make([]float64, classes), 0.0
	for c := range by {
		by[c] = make([]float64, f)
	}
	for n, c := range l.matrices.GammaLabels() {
		if c == classes {
			continue // a picture without objects
		}
		count[c]++
		for u := range f {
			by[c][u] += math.Abs(float64(gate.Margin[n*f+u]))
		}
	}
	for c := range by {
		for u := range by[c] {
			by[c][u] /= math.Max(count[c], 1)
			top = math.Max(top, by[c][u])
		}
	}
	for c := range by {
		for u := range by[c] {
			by[c][u] /= math.Max(top, 1e-30)
		}
	}
	return by
}

// agreement is Spearman's ρ of each pair of criteria: the mean over the layers where both have ranks.
func (e *explainer) agreement() [][]float64 {
	out := make([][]float64, len(e.names))
	for a := range out {
		out[a] = make([]float64, len(e.names))
		for b := range a + 1 {
			sum, layers := 0.0, 0
			for _, l := range e.layers {
				if l.ranks[a] == nil || l.ranks[b] == nil {
					continue
				}
				if r := pearson(l.ranks[a], l.ranks[b]); !math.IsNaN(r) {
					sum, layers = sum+r, layers+1
				}
			}
			out[a][b] = sum / float64(max(layers, 1))
			out[b][a] = out[a][b]
		}
	}
	return out
}

// pearson is the correlation of a and b; of ranks it is Spearman's.
func pearson(a, b []float64) float64 {
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
