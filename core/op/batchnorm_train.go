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

// Grad is that of BatchNormClip without bounds.
func (b BatchNormTrain) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	of, _ := FuseNorm(b)
	return of.Grad(g, n, dy, want)
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
	c, rows := n.Shape[0], n.In[0].Shape.Rows()
	parts := statsParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		s := m.Scratch[part*2*c : (part+1)*2*c]
		clear(s)
		e.Kernels.ColMoments(s[c:], s[:c], m.In[0][lo*c:hi*c], m.In[1])
	}
	return graph.Loop{Scratch: parts * 2 * c, Run: func() {
		e.Pool.Run(parts, body)
		for j := range m.Out {
			total := 0.0
			for p := range parts {
				total += float64(m.Scratch[p*2*c+j])
			}
			m.Out[j] = float32(total / float64(rows))
		}
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
