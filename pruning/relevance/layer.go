package relevance

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// layer is a convolution or a fully connected layer, with the batch normalization behind it.
type layer struct {
	g       *graph.Graph
	n, norm *graph.Node // norm may be nil
	x, w    *graph.Node // what it reads, and its weight, norm folded in
	out     *graph.Node // what it gives
	signed  bool        // x may be negative
	clipped *clipping   // what x is, nil for nothing else
}

// dense is the relevance of what layer n reads.
func (p *pass) dense(n, r *graph.Node) *graph.Node {
	l := &layer{g: p.g, n: n, x: n.In[0], w: n.In[1], out: n, signed: !p.floor[n.In[0].ID], clipped: p.clipping(n.In[0])}
	if u := p.users[n.ID]; len(u) == 1 {
		if o, ok := u[0].Op.(op.BatchNormalization); ok && u[0].In[0] == n {
			l.norm, l.out = u[0], u[0]
			l.w = l.add("w", op.FoldWeight(o), l.w, l.norm.In[1], l.norm.In[4])
		}
	}
	return p.rules.of(l.x).share(l, r)
}

// bias is nil where there is none.
func (l *layer) bias() *graph.Node {
	own := l.n.In[2:]
	if l.norm != nil {
		o := l.norm.Op.(op.BatchNormalization)
		return l.add("b", op.FoldBias(o), append(append([]*graph.Node{}, l.norm.In[1:5]...), own...)...)
	}
	if len(own) == 0 {
		return nil
	}
	return own[0]
}

func (l *layer) add(suffix string, o graph.Op, in ...*graph.Node) *graph.Node {
	return l.g.Add(l.n.Name+".r."+suffix, o, in...)
}

var infinity = float32(math.Inf(1))

func (l *layer) part(x *graph.Node, lo, hi float32) *graph.Node {
	return l.add("part", op.Clip{Min: lo, Max: hi}, x)
}

// leak is the least that inputs and weights of a depthwise convolution count. Behind rectifiers whole windows of one channel
// are often 0, and the output, active by its bias, has nobody to hand its relevance to: without it MobileNet v2 keeps a
// share of 10⁻⁴ at its first layers. With it such an output gives equal shares. Where all channels are mixed, somebody
// always raises the output.
const leak = 1e-6

// least is what inputs and weights count at least.
func (l *layer) least() float32 {
	if _, ok := l.n.Op.(op.Depthwise); ok {
		return leak
	}
	return 0
}

// positive is w⁺, negative is w⁻.
func (l *layer) positive() *graph.Node { return l.part(l.w, l.least(), infinity) }
func (l *layer) negative() *graph.Node { return l.part(l.w, -infinity, 0) }

// signs are what x⁺ and x⁻ are of x.
func (l *layer) signs() (up, down op.Clip) {
	return op.Clip{Min: l.least(), Max: infinity}, op.Clip{Min: -infinity}
}

// times is f·x.
func (l *layer) times(x *graph.Node, f float32) *graph.Node {
	v := tensor.Floats(1)
	v[0] = f
	return l.add("times", op.Mul{}, x, l.g.Leaf(l.n.Name+".r.factor", graph.Const, tensor.Shape{1}, v))
}

// raised is x + f·x⁺.
func (l *layer) raised(x *graph.Node, f float32) *graph.Node {
	return l.add("raised", op.AddN{}, x, l.times(l.part(x, 0, infinity), f))
}

// noise is the share of the mean z of an image that rounding may make of a sum of zeros, where a convolution goes by
// transforms of its image.
const noise = 1e-5

// quotient is that of shares that are all positive.
func (l *layer) quotient() op.Quotient {
	if w := l.w.Shape; len(w) == 4 && w[1]*w[2] > 1 && w[3] > 1 {
		return op.Quotient{Floor: noise}
	}
	return op.Quotient{}
}

// bySign shares by x⁺·up and x⁻·down, both at least 0; up alone where x is never negative.
func (l *layer) bySign(r, up, down *graph.Node) *graph.Node {
	plus, minus := l.signs()
	switch {
	case !l.signed && l.least() > 0:
		return l.byTerms(r, l.quotient(), nil, term{x: l.x, as: plus, w: up})
	case !l.signed:
		return l.byTerms(r, l.quotient(), nil, term{x: l.x, w: up})
	case !l.mixes():
		return l.byTerms(r, l.quotient(), nil, term{l.x, plus, up}, term{l.x, minus, down})
	}
	both := l.add("w", op.Concat{Axis: len(l.w.Shape) - 1}, up, down)
	z := l.add("z", l.n.Op, l.add("signs", op.Signs{}, l.x), both)
	c := l.back(z, l.add("s", l.quotient(), z, r))
	return l.add("in", op.SignedPortion{}, c, l.x)
}

// mixes reports whether every output reads all channels: x⁺ and x⁻ may then lie side by side as so many more.
func (l *layer) mixes() bool {
	c := l.x.Shape.Channels()
	return l.w.Shape.Channels() == c && l.n.Op.Kind() != op.Depthwise{}.Kind()
}

// term is one summand x·w of what a layer shares by. x may be one picture that stands for all; as is what it counts as,
// nothing for as it is.
type term struct {
	x  *graph.Node
	as op.Clip
	w  *graph.Node
}

// counted is x as it counts.
func (l *layer) counted(t term) *graph.Node {
	x, as := l.source(t)
	if as == (op.Clip{}) {
		return x
	}
	return l.add("part", as, x)
}

// source is what x as it counts is made from: of a clipping what is there in any case.
func (l *layer) source(t term) (*graph.Node, op.Clip) {
	c := l.clipped
	if c == nil || t.x != l.x || t.as == (op.Clip{}) {
		return t.x, t.as
	}
	return c.of, op.Clip{Min: max(c.by.Min, t.as.Min), Max: min(c.by.Max, t.as.Max)}
}

// byTerms shares by the sum of terms and a bias, which may be nil.
func (l *layer) byTerms(r *graph.Node, q op.Quotient, bias *graph.Node, terms ...term) *graph.Node {
	var z *graph.Node
	for _, t := range terms {
		in := []*graph.Node{l.counted(t), t.w}
		if bias != nil && z == nil {
			in = append(in, bias)
		}
		one := l.add("z", l.n.Op, in...)
		if z == nil {
			z = one
		} else {
			z = l.add("z", op.Add{}, z, one)
		}
	}
	s := l.add("s", q, z, r)
	parts := make([]*graph.Node, len(terms))
	for i, t := range terms {
		parts[i] = l.portion(t, s)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return l.add("in", op.AddN{}, parts...)
}

// portion is x∘(wᵀs).
func (l *layer) portion(t term, s *graph.Node) *graph.Node {
	c := l.back(&graph.Node{Name: l.n.Name + ".r", Op: l.n.Op, In: []*graph.Node{t.x, t.w}, Shape: s.Shape}, s)
	if c.Shape.Equal(t.x.Shape) {
		x, as := l.source(t)
		return l.add("in", op.Portion(as), c, x)
	}
	return l.add("in", op.Mul{}, c, t.x)
}

// back is wᵀs, z being a layer that reads w.
func (l *layer) back(z, s *graph.Node) *graph.Node {
	want := make([]bool, len(z.In))
	want[0] = true
	return z.Op.(graph.Grader).Grad(l.g, z, s, want)[0]
}
