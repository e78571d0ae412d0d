package relevance

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// mean shares what an average or an interpolation gives in proportion to what it read, where that is positive.
func (p *pass) mean(n, r *graph.Node) *graph.Node {
	x, z, q := n.In[0], n, op.Quotient{}
	e, byValue := p.rules.Layers.(Epsilon)
	switch {
	case byValue:
		q.Eps = e.eps()
	case !p.floor[x.ID]:
		x = p.g.Add(n.Name+".r.part", op.Clip{Min: 0, Max: infinity}, x)
		z = p.g.Add(n.Name+".r.z", n.Op, x)
	}
	s := p.g.Add(n.Name+".r.s", q, z, r)
	c := n.Op.(graph.Grader).Grad(p.g, n, s, []bool{true})[0]
	return p.g.Add(n.Name+".r.in", op.Portion{}, c, x)
}

// addition shares among the branches of a sum, in proportion to their values: the positive ones where negative sums are cut
// off behind it, their sizes in a linear bottleneck. A constant gets nothing, as a bias.
func (p *pass) addition(n, r *graph.Node) []*graph.Node {
	a, b := n.In[0], n.In[1]
	switch {
	case !p.live[b.ID]:
		return []*graph.Node{r, nil}
	case !p.live[a.ID]:
		return []*graph.Node{nil, r}
	case !a.Shape.Equal(b.Shape):
		return []*graph.Node{r, r} // refused by through: one of them does not fit
	}
	share := op.Shares{By: op.ShareSize}
	if e, byValue := p.rules.Layers.(Epsilon); byValue {
		share = op.Shares{By: op.ShareSigned, Eps: e.eps()}
	} else if p.rectified(n) {
		share.By = op.SharePositive
	}
	if _, sub := n.Op.(op.Sub); sub {
		b = p.g.Add(n.Name+".r.neg", op.Neg{}, b)
	}
	given := make([]*graph.Node, 2)
	for i := range given {
		if p.reach[n.In[i].ID] {
			share.Of = i
			given[i] = p.g.Add(n.Name+".r.in", share, r, a, b)
		}
	}
	return given
}

// rectified reports whether only the positive values of n count: it has no others, or they are cut off behind it.
func (p *pass) rectified(n *graph.Node) bool {
	if p.floor[n.ID] {
		return true
	}
	for _, u := range p.users[n.ID] {
		switch u.Op.(type) {
		case op.Relu, op.Clip:
			if p.floor[u.ID] {
				continue
			}
		}
		return false
	}
	return len(p.users[n.ID]) > 0
}

// product gives everything to what is gated and nothing to the gate: to the larger of the two, or to the one that is not
// squashed.
func (p *pass) product(n, r *graph.Node) ([]*graph.Node, error) {
	a, b := n.In[0], n.In[1]
	if !p.live[a.ID] || !p.live[b.ID] {
		return p.constant(n, r)
	}
	gateA, gateB := squashes(a), squashes(b)
	if !a.Shape.Equal(b.Shape) {
		gateA, gateB = !a.Shape.Equal(n.Shape), !b.Shape.Equal(n.Shape)
	}
	switch {
	case gateA && !gateB:
		return []*graph.Node{nil, r}, nil
	case gateB && !gateA:
		return []*graph.Node{r, nil}, nil
	}
	return nil, fmt.Errorf("relevance has no rule for Mul where it cannot tell the gate: %s or %s", a.Name, b.Name)
}

func squashes(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.Sigmoid, op.HardSigmoid, op.Softmax:
		return true
	}
	return false
}

// constant passes everything to the operand that is made from the pictures.
func (p *pass) constant(n, r *graph.Node) ([]*graph.Node, error) {
	a, b := p.live[n.In[0].ID], p.live[n.In[1].ID]
	if a == b {
		return nil, fmt.Errorf("relevance has no rule for %s of two activations", n.Op.Kind())
	}
	if a {
		return []*graph.Node{r, nil}, nil
	}
	return []*graph.Node{nil, r}, nil
}
