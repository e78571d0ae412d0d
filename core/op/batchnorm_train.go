package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BatchNormTrain is BatchNormalization by the statistics of the batch itself: mean and var are
// the nodes BatchMean(x) and BatchVar(x, mean). Its gradient runs through them (Ioffe & Szegedy
// 2015, §3), theirs is nothing.
//
//	x                       N×…×C
//	gamma, beta, mean, var  C
type BatchNormTrain struct{ Eps float32 }

// Kind is BatchNormTrain.
func (BatchNormTrain) Kind() string { return "BatchNormTrain" }

// Infer is the shape of x.
func (b BatchNormTrain) Infer(in []tensor.Shape) (tensor.Shape, error) {
	return BatchNormalization(b).Infer(in)
}

// Ties keeps the channels of all tensors together.
func (BatchNormTrain) Ties(n *graph.Node) graph.Ties { return bnTies(n) }

// Lower is one multiply-add an element.
func (b BatchNormTrain) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return bnForward(e, n, m, b.Eps)
}

// Grad makes dγ and dβ first: dx needs both.
func (b BatchNormTrain) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 5)
	if !want[0] && !want[1] && !want[2] {
		return grads
	}
	x, gamma, mean, variance := n.In[0], n.In[1], n.In[3], n.In[4]
	var dgamma, dbeta *graph.Node
	if want[0] || want[1] {
		dgamma = g.Add(n.Name+".dgamma", BatchNormGradScale(b), dy, x, mean, variance)
	}
	if want[0] || want[2] {
		dbeta = g.Add(n.Name+".dbeta", BiasGrad{}, dy)
	}
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", BatchNormTrainGrad(b), dy, x, gamma, mean, variance, dgamma, dbeta)
	}
	if want[1] {
		grads[1] = dgamma
	}
	if want[2] {
		grads[2] = dbeta
	}
	return grads
}

// BatchNormTrainGrad is the gradient of BatchNormTrain for x. With M rows and
// x̂ = (x-mean)/√(var+ε) it is dx = γ/√(var+ε)·(dy - dβ/M - x̂·dγ/M).
//
//	dx, dy, x                         N×…×C
//	gamma, mean, var, dgamma, dbeta   C
type BatchNormTrainGrad struct{ Eps float32 }

// Kind is BatchNormTrainGrad.
func (BatchNormTrainGrad) Kind() string { return "BatchNormTrainGrad" }

// Infer is the shape of x.
func (b BatchNormTrainGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 7 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want dy and x of one shape, gamma, mean, var, dgamma, dbeta", in)
	}
	if err := bnInfer(in[1:], 6, b.Eps); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower makes three vectors of C and then dx = dy·up + (x-mean)·slope + shift block by block.
func (b BatchNormTrainGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape.Channels(), n.Shape.Rows()
	parts, block := bnParts(rows, c), centredRows(c)
	body := func(part, worker int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		up, slope, shift := m.Scratch[:c], m.Scratch[c:2*c], m.Scratch[2*c:3*c]
		negative, tmp := m.Scratch[3*c:4*c], m.Scratch[4*c+worker*block*c:]
		for at := lo; at < hi; at += block {
			end := min(at+block, hi)
			dx, t := m.Out[at*c:end*c], tmp[:(end-at)*c]
			e.Kernels.AddRow(t, m.In[1][at*c:end*c], negative)
			e.Kernels.ScaleShift(t, t, slope, shift)
			e.Kernels.MulRow(dx, m.In[0][at*c:end*c], up)
			e.Kernels.Add(dx, dx, t)
		}
	}
	return graph.Loop{Scratch: 4*c + e.Pool.Threads()*block*c, Run: func() {
		b.vectors(m, c, float64(rows))
		e.Pool.Run(parts, body)
	}}
}

// InPlace lets dx take the memory of dy.
func (BatchNormTrainGrad) InPlace() []int { return []int{0} }

// vectors fills up = γ/σ, slope = -γ·dγ/(M·σ²), shift = -γ·dβ/(M·σ) and -mean.
func (b BatchNormTrainGrad) vectors(m *graph.Mem, c int, rows float64) {
	up, slope, shift, negative := m.Scratch[:c], m.Scratch[c:2*c], m.Scratch[2*c:3*c], m.Scratch[3*c:4*c]
	gamma, mean, variance, dgamma, dbeta := m.In[2], m.In[3], m.In[4], m.In[5], m.In[6]
	for j := range up {
		inv := bnInverse(variance[j], b.Eps)
		s := float64(gamma[j]) * inv
		up[j] = float32(s)
		slope[j] = float32(-s * inv * float64(dgamma[j]) / rows)
		shift[j] = float32(-s * float64(dbeta[j]) / rows)
		negative[j] = -mean[j]
	}
}

// BatchMean is the mean of each channel over the pixels of a batch.
//
//	x     N×…×C
//	mean  C
type BatchMean struct{}

// Kind is BatchMean.
func (BatchMean) Kind() string { return "BatchMean" }

// Infer is C.
func (BatchMean) Infer(in []tensor.Shape) (tensor.Shape, error) { return BiasGrad{}.Infer(in) }

// Ties keeps the channels together.
func (BatchMean) Ties(n *graph.Node) graph.Ties { return statTies(n) }

// statTies ties the channels of input 0 to a vector made from it, and to other vectors.
func statTies(n *graph.Node) graph.Ties {
	x := graph.End{Port: 0, Axis: len(n.In[0].Shape) - 1}
	links := []graph.Tie{graph.Same(x, graph.End{Port: graph.Out, Axis: 0})}
	for i := 1; i < len(n.In); i++ {
		links = append(links, graph.Same(x, graph.End{Port: i, Axis: 0}))
	}
	return graph.Ties{Links: links}
}

// Lower sums chunks of rows.
func (BatchMean) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return colSums(e, n.In[0].Shape, m, 1/float64(n.In[0].Shape.Rows()))
}

// BatchVar is the mean squared distance from the mean, the biased variance.
//
//	x     N×…×C
//	mean  C
//	var   C
type BatchVar struct{}

// Kind is BatchVar.
func (BatchVar) Kind() string { return "BatchVar" }

// Infer is C.
func (BatchVar) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := bnInfer(in, 2, 0); err != nil {
		return nil, err
	}
	return in[1].Clone(), nil
}

// Ties keeps the channels together.
func (BatchVar) Ties(n *graph.Node) graph.Ties { return statTies(n) }

// Lower squares distances: the mean of squares less the square of the mean would cancel.
func (BatchVar) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	rows := n.In[0].Shape.Rows()
	l := centredSums(e, m, rows, n.Shape[0], 0, 1, func(sum, centred, _ []float32) {
		e.Kernels.ColDot(sum, centred, centred)
	})
	return graph.Loop{Scratch: l.Scratch, Run: func() {
		l.Run()
		e.Kernels.Scale(m.Out, 1/float32(rows), m.Out)
	}}
}

// RunningUpdate moves a running statistic towards that of the batch, in place:
// state = (1-Momentum)·state + Momentum·Unbias·stat. Unbias is n/(n-1) for variances, as
// PyTorch keeps them, and 0 means 1.
//
//	state, stat  C
type RunningUpdate struct{ Momentum, Unbias float32 }

// Kind is RunningUpdate.
func (RunningUpdate) Kind() string { return "RunningUpdate" }

// Infer is the shape of the state.
func (RunningUpdate) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want state and statistic of one shape", in)
	}
	return in[0].Clone(), nil
}

// Alias is the state.
func (RunningUpdate) Alias() int { return 0 }

// Mutates is the state.
func (RunningUpdate) Mutates() []int { return []int{0} }

// Lower works in float64.
func (r RunningUpdate) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	momentum, factor := float64(r.Momentum), float64(r.Momentum)
	if r.Unbias != 0 {
		factor *= float64(r.Unbias)
	}
	return graph.Loop{Run: func() {
		for i, s := range m.In[1] {
			m.In[0][i] = float32((1-momentum)*float64(m.In[0][i]) + factor*float64(s))
		}
	}}
}

// Ties keeps state and statistic together.
func (RunningUpdate) Ties(n *graph.Node) graph.Ties { return statTies(n) }
