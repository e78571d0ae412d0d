package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Gram is Σ a·aᵀ over images and positions, and Σ a below it: the second moments that the rebuild
// of removed channels solves with (reference: L-OBS, Dong 2017, 1705.07565).
//
//	a  N×…×C
//	y  (C+1)×C, the last row is Σ a
type Gram struct{}

// Kind is Gram.
func (Gram) Kind() string { return "Gram" }

// Infer wants at least a batch and channels.
func (Gram) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) < 2 {
		return nil, fmt.Errorf("inputs %v, want one N×…×C", in)
	}
	c := in[0].Channels()
	return tensor.Shape{c + 1, c}, nil
}

// gramRows is the height of the stripes that the parts compute.
const gramRows = 32

// Lower splits the rows of y.
func (Gram) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape[1], n.In[0].Shape.Rows()
	parts := (c + gramRows - 1) / gramRows
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(c, parts, part)
		e.Kernels.GemmTN(m.Out[lo*c:hi*c], c, m.In[0][lo:], c, m.In[0], c, hi-lo, c, rows, false)
	}
	return graph.Loop{Run: func() {
		e.Pool.Run(parts, body)
		sum := m.Out[c*c:]
		clear(sum)
		e.Kernels.ColSum(sum, m.In[0])
	}}
}
