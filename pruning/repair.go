package pruning

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// Repaired says what was done for one consumer of removed channels.
type Repaired struct {
	Consumer  string  `json:"consumer"`          // the Conv's or Gemm's name
	Removed   int     `json:"removed"`           // channels of its input that go
	Kept      int     `json:"kept"`              // channels of its input that stay
	Explained float64 `json:"explained"`         // share of the removed channels' variance that the kept ones account for
	Skipped   string  `json:"skipped,omitempty"` // why it was left as it is, empty if it was repaired
}

// Repair prepares the consumers of what is about to be removed: it returns g with, for every
// dense consumer whose input loses channels R and keeps S, and that has an entry in stats,
//
//	a_R ≈ B·a_S + c           ridge on the covariance of its input, c = mean_R - B·mean_S
//	W[:, S] += W[:, R]·B      tap by tap
//	bias    += Σ_taps W[:, R]·c
//
// so that Cut of the result changes its outputs least (reference: layer OBS, L-OBS 1705.07565;
// exact where the removed channels are affine in the kept ones, except at zero-padded borders).
// Without covariances only the mean is folded into the bias. A consumer without a bias takes the
// constant into the running mean of the batch norm behind it, or gets a bias, a new Param named
// after it with ".bias". Moments are by consumer name and belong to the consumer's input as g
// computes it, that is behind any depthwise convolution on the way.
//
// g is not changed: its values are copied where they differ. The result has the groups of g,
// unit by unit, but they must be found anew with Groups; Prune does all of it. What nothing can
// repair, such as a stream that an Add carries on, is not in the list; a consumer whose weight
// another op shares, or without stats, is listed as skipped. Averages and anchors of the old
// weights do not fit the repaired ones: start averages afresh.
func Repair(g *graph.Graph, s *groups.Structure, remove map[int][]int, stats map[string]ridge.Moments) (*graph.Graph, []Repaired, error) {
	r := &repairer{users: g.Users(), values: map[*graph.Node][]float32{}, bias: map[*graph.Node][]float32{}}
	losses, err := lossesOf(s, remove)
	if err != nil {
		return nil, nil, fmt.Errorf("repair: %w", err)
	}
	var done []Repaired
	for _, l := range losses {
		report, err := r.repair(l, stats)
		if err != nil {
			return nil, nil, fmt.Errorf("repair of %s: %w", l.Op.Name, err)
		}
		done = append(done, report)
	}
	out, err := r.build(g)
	return out, done, err
}

// loss is a consumer with the channels of its input that go.
type loss struct {
	groups.Site
	gone []int
}

func lossesOf(s *groups.Structure, remove map[int][]int) ([]*loss, error) {
	byOp := map[*graph.Node]*loss{}
	var all []*loss
	for id, units := range remove {
		if err := s.CheckRemoval(id, units); err != nil {
			return nil, err
		}
		for _, site := range s.Groups[id].Consumers {
			l := byOp[site.Op]
			if l == nil {
				l = &loss{Site: site}
				byOp[site.Op] = l
				all = append(all, l)
			}
			for _, u := range units {
				l.gone = append(l.gone, s.Groups[id].Units[u].Indices(site.Weight, site.Axis)...)
			}
		}
	}
	all = slices.DeleteFunc(all, func(l *loss) bool { return len(l.gone) == 0 })
	slices.SortFunc(all, func(a, b *loss) int { return cmp.Compare(a.Op.ID, b.Op.ID) })
	for _, l := range all {
		slices.Sort(l.gone)
	}
	return all, nil
}

// repairer collects new values until the graph is made.
type repairer struct {
	users  [][]*graph.Node
	values map[*graph.Node][]float32 // leaves that change
	bias   map[*graph.Node][]float32 // by op: the bias that it gets
}

func (r *repairer) repair(l *loss, stats map[string]ridge.Moments) (Repaired, error) {
	f := l.Weight.Shape[l.Axis]
	report := Repaired{Consumer: l.Op.Name, Removed: len(l.gone), Kept: f - len(l.gone)}
	m, ok := stats[l.Op.Name]
	switch {
	case !ok:
		report.Skipped = "no moments of its input"
		return report, nil
	case len(r.users[l.Weight.ID]) > 1:
		report.Skipped = "its weight is shared"
		return report, nil
	}
	if err := m.Check(f); err != nil {
		return report, err
	}
	fit, err := m.Fit(l.gone, complement(l.gone, f))
	if err != nil {
		return report, err
	}
	report.Explained = fit.Explained
	w, constant := fit.Apply(l.Weight.Value, l.Weight.Shape)
	r.values[l.Weight] = w
	r.add(l, constant)
	return report, nil
}

// complement is 0 to n-1 without of, which ascends.
func complement(of []int, n int) []int {
	var rest []int
	for i := range n {
		if _, in := slices.BinarySearch(of, i); !in {
			rest = append(rest, i)
		}
	}
	return rest
}

// add puts the constant of each output where it belongs: bias, batch norm or a new bias.
func (r *repairer) add(l *loss, constant []float64) {
	if len(l.Op.In) > 2 && r.own(l.Op.In[2]) {
		r.shift(l.Op.In[2], constant, 1)
		return
	}
	if l.Norm != nil && len(l.Op.In) == 2 && r.own(l.Norm.In[3]) {
		r.shift(l.Norm.In[3], constant, -1)
		return
	}
	v := tensor.Floats(len(constant))
	if len(l.Op.In) > 2 {
		copy(v, l.Op.In[2].Value)
	}
	for i, c := range constant {
		v[i] += float32(c)
	}
	r.bias[l.Op] = v
}

// own reports whether n is a leaf that one op alone reads.
func (r *repairer) own(n *graph.Node) bool { return n.IsLeaf() && len(r.users[n.ID]) == 1 }

func (r *repairer) shift(n *graph.Node, by []float64, sign float64) {
	v := tensor.Floats(len(n.Value))
	for i, x := range n.Value {
		v[i] = float32(float64(x) + sign*by[i])
	}
	r.values[n] = v
}

// build is the graph with the new values and biases.
func (r *repairer) build(g *graph.Graph) (*graph.Graph, error) {
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if v, ok := r.values[n]; ok {
			return dst.Leaf(n.Name, n.Op.(graph.Leaf).Role, n.Shape, v), nil
		}
		if v, ok := r.bias[n]; ok {
			b := dst.Leaf(n.Name+".bias", graph.Param, tensor.Shape{len(v)}, v)
			in = append(in[:2:2], b)
		}
		return dst.Keep(n, in)
	})
	if err != nil {
		return nil, fmt.Errorf("repair: %w", err)
	}
	return out, nil
}

// Prune is Repair, then Cut. Without stats it only cuts.
func Prune(g *graph.Graph, s *groups.Structure, remove map[int][]int, stats map[string]ridge.Moments) (*graph.Graph, *groups.Change, []Repaired, error) {
	if len(stats) == 0 {
		out, change, err := groups.Cut(g, s, remove)
		return out, change, nil, err
	}
	mended, done, err := Repair(g, s, remove, stats)
	if err != nil {
		return nil, nil, nil, err
	}
	again, err := groups.Find(mended)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(again.Groups) != len(s.Groups) {
		return nil, nil, nil, fmt.Errorf("repair left %d groups of %d", len(again.Groups), len(s.Groups))
	}
	out, change, err := groups.Cut(mended, again, remove)
	return out, change, done, err
}
