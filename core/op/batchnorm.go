package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BatchNormalization is y = (x-mean)·γ/√(var+ε) + β per channel with given statistics: inference,
// and fine-tuning with frozen ones.
//
//	x                       N×…×C
//	gamma, beta, mean, var  C
type BatchNormalization struct{ Eps float32 }

// Kind is BatchNormalization.
func (BatchNormalization) Kind() string { return "BatchNormalization" }

// Infer is the shape of x.
func (b BatchNormalization) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := bnInfer(in, 5, b.Eps); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// bnInfer wants an activation and behind it vectors of one value a channel.
func bnInfer(in []tensor.Shape, inputs int, eps float32) error {
	if len(in) != inputs || len(in[0]) < 2 {
		return fmt.Errorf("inputs %v, want %d: x N×…×C and vectors of C", in, inputs)
	}
	if !(eps >= 0) {
		return fmt.Errorf("epsilon %g, want 0 or more", eps)
	}
	return bnVectors(in[1:], in[0].Channels())
}

func bnVectors(in []tensor.Shape, c int) error {
	for i, s := range in {
		if !s.Equal(tensor.Shape{c}) {
			return fmt.Errorf("input %d is %v, want one value for each of %d channels", i+1, s, c)
		}
	}
	return nil
}

// Ties keeps the channels of all tensors together.
func (BatchNormalization) Ties(n *graph.Node) graph.Ties { return bnTies(n) }

func bnTies(n *graph.Node) graph.Ties {
	last := len(n.Shape) - 1
	x := graph.End{Port: 0, Axis: last}
	links := []graph.Tie{graph.Same(x, graph.End{Port: graph.Out, Axis: last})}
	for i := 1; i < len(n.In); i++ {
		links = append(links, graph.Same(x, graph.End{Port: i, Axis: 0}))
	}
	return graph.Ties{Links: links}
}

// bnInverse is 1/√(var+ε). A variance that rounding made negative counts as zero, and without ε
// a variance of zero gives 0: the channel is dead.
func bnInverse(variance, eps float32) float64 {
	v := math.Max(float64(variance), 0) + float64(eps)
	if v == 0 {
		return 0
	}
	return 1 / math.Sqrt(v)
}

// bnScale fills scale with γ/√(var+ε).
func bnScale(scale, gamma, variance []float32, eps float32) {
	for j := range scale {
		scale[j] = float32(float64(gamma[j]) * bnInverse(variance[j], eps))
	}
}

// bnShift fills shift with β - mean·γ/√(var+ε).
func bnShift(shift, gamma, beta, mean, variance []float32, eps float32) {
	for j := range shift {
		s := float64(gamma[j]) * bnInverse(variance[j], eps)
		shift[j] = float32(float64(beta[j]) - float64(mean[j])*s)
	}
}

// bnParts is the number of parts that rows of c values are worked on in.
func bnParts(rows, c int) int { return max(1, min(64, rows*c/4096, rows)) }

// bnForward is the loop of both batch normalizations.
func bnForward(e *graph.Env, n *graph.Node, m *graph.Mem, eps float32) graph.Loop {
	c, rows := n.Shape.Channels(), n.Shape.Rows()
	parts := bnParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		e.Kernels.ScaleShift(m.Out[lo*c:hi*c], m.In[0][lo*c:hi*c], m.Scratch[:c], m.Scratch[c:2*c])
	}
	return graph.Loop{Scratch: 2 * c, Run: func() {
		bnScale(m.Scratch[:c], m.In[1], m.In[4], eps)
		bnShift(m.Scratch[c:2*c], m.In[1], m.In[2], m.In[3], m.In[4], eps)
		e.Pool.Run(parts, body)
	}}
}

// InPlace lets the output take the memory of x.
func (BatchNormalization) InPlace() []int { return []int{0} }

// Lower is one multiply-add an element.
func (b BatchNormalization) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return bnForward(e, n, m, b.Eps)
}

// Grad treats the statistics as constants: dx needs neither x nor y.
func (b BatchNormalization) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	of, _ := FuseNorm(b)
	grads := of.Grad(g, n, dy, []bool{false, want[1], want[2], false, false})
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", BatchNormGradInput(b), dy, n.In[1], n.In[4])
	}
	return grads
}

// BatchNormGradInput is dx = dy·γ/√(var+ε) where the statistics are constants.
//
//	dy          N×…×C
//	gamma, var  C
type BatchNormGradInput struct{ Eps float32 }

// Kind is BatchNormGradInput.
func (BatchNormGradInput) Kind() string { return "BatchNormGradInput" }

// Infer is the shape of dy.
func (b BatchNormGradInput) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := bnInfer(in, 3, b.Eps); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// InPlace lets dx take the memory of dy.
func (BatchNormGradInput) InPlace() []int { return []int{0} }

// Lower multiplies row by row.
func (b BatchNormGradInput) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape.Channels(), n.Shape.Rows()
	parts := bnParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		e.Kernels.MulRow(m.Out[lo*c:hi*c], m.In[0][lo*c:hi*c], m.Scratch[:c])
	}
	return graph.Loop{Scratch: c, Run: func() {
		bnScale(m.Scratch[:c], m.In[1], m.In[2], b.Eps)
		e.Pool.Run(parts, body)
	}}
}
