package explain

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// layer is one group of the dense network with what was found of its units, all by unit.
type layer struct {
	group    *groups.Group
	matrices *criteria.Matrices
	gone     map[int]int // unit → turn
	ranks    [][]float64 // by criterion, 0 to 1; nil: the criterion is not defined here

	means     [][]float64 // by gate, of the activations over images and positions
	active    []float64   // share of positions above zero; of signed activations, spread over the layer's median
	omega, p  []float64   // ω² of mean activation and class, and its permutation p, 0 where the images do not tell
	influence []float64   // mean |Γ| of the margin as a share of the layer's
	cost      []float64   // multiply-adds that go with it, as a share of the network's
	nearest   []neighbour
	residual  []float64 // share of its variance that the kept units cannot rebuild; of kept ones 1
	inside    []float64 // overlap with masks or boxes, and with the rest; nil without them
	outside   []float64
}

// neighbour is the kept unit that varies most like another one; -1 without one.
type neighbour struct {
	unit        int
	correlation float64
}

// score asks the criteria layer by layer.
func (e *explainer) score(asked []criteria.Criterion) error {
	for i, g := range e.st.Free() {
		l, err := e.newLayer(g)
		if err != nil {
			return err
		}
		for _, c := range asked {
			s, err := criteria.Score(c, l.matrices, g)
			if err != nil { // it is not defined here, or was not collected
				l.ranks = append(l.ranks, nil)
				continue
			}
			l.ranks = append(l.ranks, percentiles(s.Values))
		}
		e.layers = append(e.layers, l)
		e.report("scoring", "layers", i+1, len(e.st.Free()))
	}
	e.drop(asked)
	return nil
}

// drop leaves out the criteria that no layer has ranks of.
func (e *explainer) drop(asked []criteria.Criterion) {
	var left []string
	for i := len(asked) - 1; i >= 0; i-- {
		if slices.ContainsFunc(e.layers, func(l *layer) bool { return l.ranks[i] != nil }) {
			continue
		}
		left = append(left, asked[i].Name)
		asked = slices.Delete(asked, i, i+1)
		for _, l := range e.layers {
			l.ranks = slices.Delete(l.ranks, i, i+1)
		}
	}
	for _, c := range asked {
		e.names = append(e.names, Criterion{c.Name, c.Family})
	}
	e.out.Criteria = e.names
	if slices.Sort(left); len(left) > 0 {
		e.out.Notes = append(e.out.Notes, "Left out, since they need more than these images give: "+strings.Join(left, ", ")+".")
	}
}

// percentiles are ranks from 0, the lowest, to 1.
func percentiles(v []float64) []float64 {
	r := criteria.Ranks(v)
	for i := range r {
		r[i] /= math.Max(float64(len(v)-1), 1)
	}
	return r
}

func (e *explainer) newLayer(g *groups.Group) (*layer, error) {
	m, err := e.all.Matrices(g)
	if err != nil {
		return nil, err
	}
	l := &layer{group: g, matrices: m, gone: e.gone[g.Name]}
	for i := range m.Gates {
		var means []float64
		for _, v := range l.pooledAt(i, poolMean) {
			means = append(means, mean(v))
		}
		l.means = append(l.means, means)
	}
	l.activity()
	l.influence = l.shares(m.Gates)
	if l.cost, err = e.costs(g); err != nil {
		return nil, err
	}
	if last := m.Gates[len(m.Gates)-1]; len(last.Overlap) > 0 {
		f := len(g.Units)
		l.inside, l.outside = floats(last.Overlap[:f]), floats(last.Overlap[f:])
	}
	if err := l.redundancy(); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	return l, l.information(e.run.Seed)
}

func floats(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// The columns of P.
const (
	poolMean = iota
	poolMax
	poolPositive
	poolStd
	poolStats
)

// pooled is one column of P at the last gate, by unit and image or box.
func (l *layer) pooled(stat int) [][]float64 { return l.pooledAt(len(l.matrices.Gates)-1, stat) }

func (l *layer) pooledAt(at, stat int) [][]float64 {
	gate, f := l.matrices.Gates[at], len(l.group.Units)
	out := make([][]float64, f)
	for u := range out {
		for i := stat*f + u; i < len(gate.Pool); i += f * poolStats {
			out[u] = append(out[u], float64(gate.Pool[i]))
		}
	}
	return out
}

// activity is how much of the time each unit responds.
func (l *layer) activity() {
	stat := poolPositive
	signed := l.matrices.Gates[len(l.matrices.Gates)-1].Signed
	if signed {
		stat = poolStd
	}
	for _, v := range l.pooled(stat) {
		l.active = append(l.active, mean(v))
	}
	if !signed {
		return
	}
	sorted := slices.Sorted(slices.Values(l.active))
	middle := sorted[len(sorted)/2]
	for u := range l.active {
		if l.active[u] = math.Min(l.active[u]/middle, 1); middle == 0 {
			l.active[u] = 0
		}
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

// shares are the units' mean |Γ| of the margin, over all gates, as shares of their sum.
func (l *layer) shares(gates []criteria.Gate) []float64 {
	f := len(l.group.Units)
	out, total := make([]float64, f), 0.0
	for _, gate := range gates {
		for i, v := range gate.Margin {
			out[i%f] += math.Abs(float64(v))
			total += math.Abs(float64(v))
		}
	}
	for u := range out {
		out[u] /= math.Max(total, 1e-30)
	}
	return out
}

// macs measures a graph by its multiply-adds and parameters alone.
func macs(g *graph.Graph) (groups.Cost, error) { return groups.CostOf(g), nil }

// costs are the multiply-adds that the network saves without each unit, as shares.
func (e *explainer) costs(g *groups.Group) ([]float64, error) {
	out := make([]float64, len(g.Units))
	if len(g.Units) < 2 {
		return out, nil
	}
	c, err := e.st.Costs(macs)(map[int][]int{g.ID: {0}})
	if err != nil {
		return nil, err
	}
	for u := range out {
		out[u] = 1 - float64(c.MACs)/float64(e.run.Original.MACs)
	}
	return out, nil
}

// redundancy finds each unit's nearest kept one and what the kept ones cannot rebuild, by the moments of the first
// layer that reads the group.
func (l *layer) redundancy() error {
	f := len(l.group.Units)
	l.nearest, l.residual = make([]neighbour, f), make([]float64, f)
	for u := range f {
		l.nearest[u], l.residual[u] = neighbour{-1, 0}, 1
	}
	if len(l.group.Consumers) == 0 {
		return nil
	}
	site := l.group.Consumers[0]
	m := l.matrices.Consumers[site.Op.Name].Moments
	if m.Cov == nil {
		return nil
	}
	at := make([]int, f) // the unit's channel
	for u := range at {
		at[u] = l.group.Units[u].Indices(site.Weight, site.Axis)[0]
	}
	for u := range f {
		l.nearest[u] = l.closest(m, at, u)
	}
	return l.rebuild(m, at)
}

// closest is the kept unit of the largest |correlation| with u.
func (l *layer) closest(m ridge.Moments, at []int, u int) neighbour {
	best, width := neighbour{-1, 0}, len(m.Mean)
	for v := range at {
		if _, gone := l.gone[v]; gone || v == u {
			continue
		}
		a, b := at[u], at[v]
		r := m.Cov[a*width+b] / math.Sqrt(m.Cov[a*width+a]*m.Cov[b*width+b])
		if !math.IsNaN(r) && math.Abs(r) > math.Abs(best.correlation) {
			best = neighbour{v, math.Max(-1, math.Min(r, 1))}
		}
	}
	return best
}

func (l *layer) rebuild(m ridge.Moments, at []int) error {
	var units, gone, kept []int
	for u := range at {
		if _, ok := l.gone[u]; ok {
			units, gone = append(units, u), append(gone, at[u])
		} else {
			kept = append(kept, at[u])
		}
	}
	if len(gone) == 0 || len(kept) == 0 {
		return nil
	}
	r, err := m.Fit(gone, kept)
	if err != nil {
		return err
	}
	for i, share := range r.Residual {
		l.residual[units[i]] = share
	}
	return nil
}

// permutations is the number of shuffled labellings behind a p.
const permutations = 199

// information is ω² of each unit, and how often shuffled labels give as much (Hays 1963; a permutation test).
func (l *layer) information(seed uint64) error {
	mi, err := criteria.Lookup("mi")
	if err != nil {
		return err
	}
	f := len(l.group.Units)
	l.omega, l.p = make([]float64, f), make([]float64, f)
	own, err := mi.Score(l.matrices, l.group)
	if err != nil { // one image a class: nothing can be said, and p stays 0
		return nil
	}
	labels := slices.Clone(l.matrices.PoolLabels())
	atLeast := make([]int, f)
	for k := range permutations {
		r := random.Stream(seed, "explain labels", uint64(k))
		r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
		v, err := mi.Score(l.matrices.WithLabels(labels), l.group)
		if err != nil {
			return err
		}
		for u := range v {
			if v[u] >= own[u] {
				atLeast[u]++
			}
		}
	}
	for u := range f {
		l.omega[u] = 1 - math.Exp(-2*own[u])
		l.p[u] = float64(1+atLeast[u]) / (permutations + 1)
	}
	return nil
}

// redrawn is the middle 95 % of ω² over draws of as many images, each with all of its rows of x: rows of one image are not
// independent (the bootstrap over images; reference: pruning §2.7).
func redrawn(x []float64, labels, images []int, seed uint64) [2]float64 {
	var of [][]int // rows of each image
	for n, i := range images {
		if n == 0 || images[n-1] != i {
			of = append(of, nil)
		}
		of[len(of)-1] = append(of[len(of)-1], n)
	}
	var draws []float64
	for k := range permutations {
		r := random.Stream(seed, "explain images", uint64(k))
		var values []float64
		var classes []int
		for range of {
			for _, n := range of[r.IntN(len(of))] {
				values, classes = append(values, x[n]), append(classes, labels[n])
			}
		}
		draws = append(draws, criteria.Omega(values, classes))
	}
	slices.Sort(draws)
	tail := len(draws) / 40
	return [2]float64{draws[tail], draws[len(draws)-1-tail]}
}
