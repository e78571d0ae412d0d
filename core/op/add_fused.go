package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Added is an op with an Add of a tensor of the same shape behind it: a residual. The last input
// is that tensor, the others are those of the op.
type Added struct{ Of graph.Op }

// Kind names both.
func (a Added) Kind() string { return a.Of.Kind() + "+Add" }

// Infer wants the last input as the op makes its output.
func (a Added) Infer(in []tensor.Shape) (tensor.Shape, error) {
	last := max(0, len(in)-1)
	y, err := a.Of.Infer(in[:last])
	if err != nil {
		return nil, err
	}
	if !y.Equal(in[last]) {
		return nil, fmt.Errorf("%v is added to %v, want the same shape", in[last], y)
	}
	return y, nil
}

// MACs are those of the op.
func (a Added) MACs(n *graph.Node) int64 { return fusedMACs(a.Of, n) }

// Lower adds piece by piece.
func (a Added) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return a.lowerWith(e, n, m, hooks{})
}

func (a Added) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	last := len(n.In) - 1
	of := *n
	of.In = n.In[:last]
	with := hooks{end: func(part, lo, hi int) {
		y := m.Out[lo:hi]
		e.Kernels.Add(y, y, m.In[last][lo:hi])
		if h.end != nil {
			h.end(part, lo, hi)
		}
	}}
	if h.end == nil {
		with.tail = &tail{add: last, lo: -infinity, hi: infinity}
	} else if h.tail != nil && h.tail.bend == nil {
		with.tail = &tail{add: last, lo: h.tail.lo, hi: h.tail.hi}
	}
	return a.Of.(finisher).lowerWith(e, &of, m, with)
}
