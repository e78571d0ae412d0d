package criteria

import (
	"fmt"

	"github.com/secateur/secateur/pruning/groups"
)

// Place is what was collected at one gate node over N images, all channels of the tensor, as
// ops ChannelStats and GateGrad give it. Parts that were not collected are nil.
type Place struct {
	Pool   []float32 // N×4·C: means, maxima, shares of positive values, standard deviations
	Loss   []float32 // N×C: Σ over pixels of a·∂loss/∂a, the loss of that image alone
	Margin []float32 // N×C: the same of the logit margin
}

// Matrices is what a criterion may look at for one group: F units, N images, the sample being
// the image and not the augmented view. The weights come with the group.
type Matrices struct {
	N      int
	Labels []int     // N, nil where unknown
	Weight []float64 // N, weight of each image, nil for equal ones
	Gates  []Gate
	Seed   uint64 // of random scores
}

// Gate is one gate of a group, the columns being the group's units.
type Gate struct {
	Node   string
	Pixels int       // positions that γ was summed over
	Signed bool      // activations may be negative there
	Pool   []float32 // N×F×4: mean, maximum, share of positive values, standard deviation
	Loss   []float32 // N×F
	Margin []float32 // N×F
}

// Statistics of Gate.Pool.
const (
	poolMean = iota
	poolMax
	poolPositive
	poolStd
	poolStats
)

// Gather selects the columns of the group's units from what was collected at its gates, by node
// name. A unit that lies at several channels of a gate gets their sum in Γ and their mean in P.
// The error names a gate that is missing or a size that does not fit.
func Gather(g *groups.Group, n int, places map[string]Place) (*Matrices, error) {
	m := &Matrices{N: n}
	for _, node := range g.Gates {
		p, ok := places[node.Name]
		if !ok {
			return nil, fmt.Errorf("%s: nothing was collected at gate %s", g.Name, node.Name)
		}
		c := node.Shape.Channels()
		if err := p.check(n, c); err != nil {
			return nil, fmt.Errorf("%s: gate %s: %w", g.Name, node.Name, err)
		}
		gate := Gate{Node: node.Name, Pixels: node.Shape.Rows() / node.Shape[0], Signed: !groups.NeverNegative(node)}
		at := make([][]int, len(g.Units))
		for i, u := range g.Units {
			at[i] = u.Indices(node, len(node.Shape)-1)
		}
		gate.Loss = columns(p.Loss, n, c, at)
		gate.Margin = columns(p.Margin, n, c, at)
		gate.Pool = pooled(p.Pool, n, c, at)
		m.Gates = append(m.Gates, gate)
	}
	return m, nil
}

func (p Place) check(n, c int) error {
	for _, x := range []struct {
		name string
		have int
		want int
	}{{"P", len(p.Pool), n * c * poolStats}, {"Γ of the loss", len(p.Loss), n * c}, {"Γ of the margin", len(p.Margin), n * c}} {
		if x.have != 0 && x.have != x.want {
			return fmt.Errorf("%s has %d values, want %d for %d images and %d channels", x.name, x.have, x.want, n, c)
		}
	}
	return nil
}

// columns sums the columns of v, N×C, that belong to each unit.
func columns(v []float32, n, c int, at [][]int) []float32 {
	if len(v) == 0 {
		return nil
	}
	out := make([]float32, n*len(at))
	for i := range n {
		for j, cols := range at {
			for _, k := range cols {
				out[i*len(at)+j] += v[i*c+k]
			}
		}
	}
	return out
}

// pooled turns N×4·C, one block a statistic, into N×F×4.
func pooled(v []float32, n, c int, at [][]int) []float32 {
	if len(v) == 0 {
		return nil
	}
	f := len(at)
	out := make([]float32, n*f*poolStats)
	for i := range n {
		for j, cols := range at {
			for s := range poolStats {
				for _, k := range cols {
					out[(i*f+j)*poolStats+s] += v[(i*poolStats+s)*c+k] / float32(len(cols))
				}
			}
		}
	}
	return out
}

// ClassWeights weights each image by N/(C·n_c), so that every class counts alike whatever its
// number of images n_c; C is the number of classes that occur.
func ClassWeights(labels []int) []float64 {
	count := map[int]int{}
	for _, l := range labels {
		count[l]++
	}
	w := make([]float64, len(labels))
	for i, l := range labels {
		w[i] = float64(len(labels)) / float64(len(count)*count[l])
	}
	return w
}

// weight is the weight of image i.
func (m *Matrices) weight(i int) float64 {
	if m.Weight == nil {
		return 1
	}
	return m.Weight[i]
}

// check refuses matrices that a criterion with those needs cannot use.
func (m *Matrices) check(needs Needs, f int) error {
	if m.Weight != nil && len(m.Weight) != m.N {
		return fmt.Errorf("%d image weights for %d images", len(m.Weight), m.N)
	}
	if needs.images() && (m.N < 1 || len(m.Gates) == 0) {
		return fmt.Errorf("%d images at %d gates, want at least one of each", m.N, len(m.Gates))
	}
	for _, g := range m.Gates {
		if have, want := len(g.of(needs)), m.N*f*needs.columns(); needs.images() && have != want {
			return fmt.Errorf("gate %s: %s has %d values, want %d for %d images and %d units", g.Node, needs, have, want, m.N, f)
		}
	}
	return nil
}

func (g *Gate) of(needs Needs) []float32 {
	switch needs {
	case Activations:
		return g.Pool
	case LossGradients:
		return g.Loss
	case MarginGradients:
		return g.Margin
	}
	return nil
}
