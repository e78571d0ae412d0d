package relevance

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// singlePixels reports whether the layer is a convolution of single pixels.
func (l *layer) singlePixels() bool {
	c, ok := l.n.Op.(op.Conv)
	return ok && c.SinglePixels(l.w.Shape)
}

// byPixels is bySign for weights as they are, as one loop.
func (l *layer) byPixels(r *graph.Node) *graph.Node {
	in := []*graph.Node{l.x, l.w, r}
	if l.signed {
		in = append(in, l.out)
		if b := l.bias(); b != nil {
			in = append(in, b)
		}
	}
	return l.add("in", op.PixelShares{Signed: l.signed}, in...)
}

// clipping is what an activation is made from.
type clipping struct {
	of *graph.Node
	by op.Clip
}

// clipping of x is given where the relevance of the layer in front reads what is clipped in any case: x itself then need
// not be kept for the way back.
func (p *pass) clipping(x *graph.Node) *clipping {
	c := &clipping{}
	switch o := x.Op.(type) {
	case op.Relu:
		c.by = op.Clip{Max: float32(math.Inf(1))}
	case op.Clip:
		c.by = o
	default:
		return nil
	}
	if c.of = x.In[0]; !p.givesOutput(c.of) {
		return nil
	}
	return c
}

// givesOutput reports whether the relevance of the layer of output y reads y.
func (p *pass) givesOutput(y *graph.Node) bool {
	n := y
	if _, ok := n.Op.(op.BatchNormalization); ok {
		n = n.In[0]
	}
	if len(n.In) < 2 || p.floor[n.In[0].ID] || !p.reach[n.In[0].ID] {
		return false
	}
	_, zPlus := p.rules.of(n.In[0]).(ZPlus)
	return zPlus && (&layer{n: n, w: n.In[1]}).singlePixels()
}
