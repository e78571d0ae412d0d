package relevance

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Rules are the rules of one propagation.
type Rules struct {
	Layers Rule // of convolutions and fully connected layers; nil: ZPlus
	First  Rule // of a layer that reads the network's input itself; nil: that of Layers
}

func (r Rules) of(x *graph.Node) Rule {
	switch {
	case r.First != nil && x.Is(graph.Input):
		return r.First
	case r.Layers != nil:
		return r.Layers
	}
	return ZPlus{}
}

// Rule says how a layer shares relevance among what it read.
type Rule interface {
	// share is the relevance of l.x from r, that of what l gives.
	share(l *layer, r *graph.Node) *graph.Node
}

// ZPlus shares by what raised the output, x·w where that is positive; the bias gets nothing (Montavon et al., Pattern
// Recognition 65, 2017). Where x may be negative that is x⁺·w⁺ and x⁻·w⁻: linear bottlenecks carry such values. The
// relevance of an output that nothing raised, active by its bias alone, ends there, but for depthwise ones.
type ZPlus struct{}

func (ZPlus) share(l *layer, r *graph.Node) *graph.Node {
	if l.singlePixels() {
		return l.byPixels(r)
	}
	return l.bySign(r, l.positive(), l.negative())
}

// Epsilon shares by x·w over the output itself, kept off zero by Eps; the bias keeps its share. On a network of rectifiers
// it is the gradient of the logit times the activation, over the logit.
type Epsilon struct{ Eps float32 } // 0: 1e-6

const defaultEps = 1e-6

func (e Epsilon) eps() float32 {
	if e.Eps == 0 {
		return defaultEps
	}
	return e.Eps
}

func (e Epsilon) share(l *layer, r *graph.Node) *graph.Node {
	s := l.add("s", op.Quotient{Eps: e.eps()}, l.out, r)
	return l.portion(term{x: l.x, w: l.w}, s)
}

// Gamma shares by x·(w + Factor·w⁺), which favours what raised the output (Montavon et al., Explainable AI, 2019). Where x
// may be negative, Factor times the shares of ZPlus are added.
type Gamma struct{ Factor float32 } // 0: 0.25

func (c Gamma) share(l *layer, r *graph.Node) *graph.Node {
	f := c.Factor
	if f == 0 {
		f = 0.25
	}
	bias := l.bias()
	if bias != nil {
		bias = l.raised(bias, f)
	}
	if !l.signed {
		return l.byTerms(r, op.Quotient{Eps: defaultEps}, bias, term{x: l.x, w: l.raised(l.w, f)})
	}
	up, down := l.signs()
	return l.byTerms(r, op.Quotient{Eps: defaultEps}, bias, term{x: l.x, w: l.w}, term{l.x, up, l.times(l.positive(), f)}, term{l.x, down, l.times(l.negative(), f)})
}

// AlphaBeta gives out Alpha times by what raised the output and takes back Beta times by what lowered it; Alpha - Beta is 1
// (Bach et al., 2015). Alpha 1 is ZPlus.
type AlphaBeta struct{ Alpha, Beta float32 } // both 0: 2 and 1

func (c AlphaBeta) share(l *layer, r *graph.Node) *graph.Node {
	if c == (AlphaBeta{}) {
		c = AlphaBeta{2, 1}
	}
	given := l.bySign(r, l.positive(), l.negative())
	taken := l.bySign(r, l.times(l.negative(), -1), l.times(l.positive(), -1))
	return l.add("alphabeta", op.AddN{}, l.times(given, c.Alpha), l.times(taken, -c.Beta))
}

// ZBox is for layers that read pictures, whose values lie between Low and High, by channel: shares are by
// x·w - Low·w⁺ - High·w⁻, which is what the pixel adds beyond the least that it could (Montavon et al., 2017).
type ZBox struct{ Low, High []float32 }

// Pixels is the ZBox of 8-bit pictures.
func Pixels(p graph.Preprocess) ZBox {
	var z ZBox
	for c := range 3 {
		z.Low = append(z.Low, (0-p.Mean[c])/p.Std[c])
		z.High = append(z.High, (255-p.Mean[c])/p.Std[c])
	}
	return z
}

func (z ZBox) share(l *layer, r *graph.Node) *graph.Node {
	return l.byTerms(r, op.Quotient{Floor: noise}, nil, term{x: l.x, w: l.w},
		term{x: l.image("low", z.Low), w: l.times(l.positive(), -1)}, term{x: l.image("high", z.High), w: l.times(l.negative(), -1)})
}

// image is a constant that stands for one picture of one value a channel.
func (l *layer) image(name string, v []float32) *graph.Node {
	s := l.x.Shape.Clone()
	s[0] = 1
	x := tensor.Floats(s.Elems())
	for i := range x {
		x[i] = v[i%len(v)]
	}
	return l.g.Leaf(l.n.Name+".r."+name, graph.Const, s, x)
}
