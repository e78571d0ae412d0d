package groups

import (
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// roles knows which weights produce channels and which read them.
type roles struct {
	users  [][]*graph.Node
	sites  map[*graph.Node][]Site // by weight, Axis not set
	wiring map[*graph.Node]bool
}

func newRoles(g *graph.Graph) *roles {
	r := &roles{users: g.Users(), sites: map[*graph.Node][]Site{}, wiring: map[*graph.Node]bool{}}
	for _, n := range g.Nodes {
		if !dense(n) || len(n.In) < 2 || !n.In[1].IsLeaf() {
			continue
		}
		w := n.In[1]
		r.sites[w] = append(r.sites[w], Site{Op: n, Weight: w, Norm: r.norm(n)})
		r.wiring[w] = w.Is(graph.Const) || zeroOne(w.Value)
	}
	return r
}

// dense reports whether n is an op whose weight mixes channels.
func dense(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.Conv, op.Gemm:
		return true
	}
	return false
}

// zeroOne tells fixed wiring, such as the 0/1 shortcut of a CIFAR ResNet, from learnt weights:
// it holds nothing but zeros and ones.
func zeroOne(v []float32) bool {
	for _, x := range v {
		if x != 0 && x != 1 {
			return false
		}
	}
	return true
}

// norm is the batch norm that alone reads n.
func (r *roles) norm(n *graph.Node) *graph.Node {
	if len(r.users[n.ID]) != 1 {
		return nil
	}
	if u := r.users[n.ID][0]; isNorm(u) && u.In[0] == n {
		return u
	}
	return nil
}

func isNorm(n *graph.Node) bool {
	_, ok := n.Op.(op.BatchNormalization)
	return ok
}

// produced reports whether a learnt weight makes the unit's channels.
func (r *roles) produced(u Unit) bool { return len(r.at(u, true, false)) > 0 }

// at lists the sites of the weights that hold the unit, each once: the producing ones or the
// reading ones, learnt ones only or fixed wiring as well.
func (r *roles) at(u Unit, producing, wiring bool) []Site {
	var sites []Site
	last := end{-1, -1}
	for _, s := range u.Slices {
		at := end{s.Node.ID, s.Axis}
		if at == last || (s.Axis == 0) != producing || r.wiring[s.Node] && !wiring {
			continue
		}
		last = at
		if s.Axis != 0 && s.Axis != len(s.Node.Shape)-1 {
			continue
		}
		for _, site := range r.sites[s.Node] {
			site.Axis = s.Axis
			sites = append(sites, site)
		}
	}
	slices.SortStableFunc(sites, func(a, b Site) int { return a.Op.ID - b.Op.ID })
	return sites
}

// group describes the group that a component belongs to, without its units.
func (r *roles) group(c *component) *Group {
	g := &Group{
		Producers: r.at(c.unit, true, false),
		Consumers: r.at(c.unit, false, false),
		Locked:    len(c.reasons) > 0,
		Reason:    strings.Join(c.reasons[:min(3, len(c.reasons))], ", "),
	}
	g.Name = g.Producers[0].Op.Name
	for _, s := range c.unit.Slices {
		m := Member{s.Node, s.Axis}
		if s.Node.IsLeaf() && !slices.Contains(g.Members, m) {
			g.Members = append(g.Members, m)
		}
	}
	for _, t := range r.tracts(c.unit) {
		g.Stream = g.Stream || len(t.adds) > 0
		g.Gates = append(g.Gates, t.gates()...)
	}
	return g
}
