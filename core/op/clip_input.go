package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Clipped is an op whose images are clipped as they are read, piece by piece: they are never stored. Its inputs are those
// of the op.
type Clipped struct {
	Of beginner
	To Clip
}

// Kind names both.
func (c Clipped) Kind() string { return c.To.Kind() + "+" + c.Of.Kind() }

// Infer is that of the op.
func (c Clipped) Infer(in []tensor.Shape) (tensor.Shape, error) { return c.Of.Infer(in) }

// MACs are those of the op.
func (c Clipped) MACs(n *graph.Node) int64 { return fusedMACs(c.Of, n) }

// Lower is that of the op.
func (c Clipped) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return c.lowerWith(e, n, m, hooks{})
}

func (c Clipped) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	images := imagesOf(c.Of)
	h.begin = func(dst []float32, at int) {
		e.Kernels.Clip(dst, m.In[images][at:at+len(dst)], c.To.Min, c.To.Max)
	}
	return c.Of.lowerWith(e, n, m, h)
}
