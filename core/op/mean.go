package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// What GlobalAveragePool and ReduceMean share: a tensor seen as outer×length×inner, and the
// mean over length.

// meanLoop is y[o, i] = Σ x[o, ·, i] / length.
func meanLoop(e *graph.Env, m *graph.Mem, outer, length, inner int) graph.Loop {
	scale := 1 / float32(length)
	return graph.Loop{Run: inPieces(e, outer, length*inner, func(lo, hi int) {
		for o := lo; o < hi; o++ {
			x := m.In[0][o*length*inner : (o+1)*length*inner]
			if inner == 1 {
				m.Out[o] = float32(e.Kernels.Sum(x) / float64(length))
				continue
			}
			y := m.Out[o*inner : (o+1)*inner]
			clear(y)
			e.Kernels.ColSum(y, x)
			e.Kernels.Scale(y, scale, y)
		}
	})}
}

// MeanGrad spreads the gradient of a mean over an axis: dx[o, ·, i] = dy[o, i] / length.
//
//	dy  the outer axes, then 1 or nothing for the axis, then the inner ones
//	dx  Dims behind the batch
type MeanGrad struct {
	Dims   []int // of dx, behind the batch
	Length int   // of what the mean was over
	Inner  int   // elements behind that
}

// Kind is MeanGrad.
func (MeanGrad) Kind() string { return "MeanGrad" }

// Infer is the shape of x.
func (o MeanGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want dy with a batch axis", in)
	}
	dx := append(tensor.Shape{in[0][0]}, o.Dims...)
	if err := dx.Check(); err != nil {
		return nil, err
	}
	dy := in[0].Elems()
	if o.Length < 1 || o.Inner < 1 || dy%o.Inner != 0 || dx.Elems()/o.Length != dy || dx.Elems()%o.Length != 0 {
		return nil, fmt.Errorf("dy %v over %d to %v with %d elements behind", in[0], o.Length, dx, o.Inner)
	}
	return dx, nil
}

// Lower scales a row once and copies it.
func (o MeanGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	scale := 1 / float32(o.Length)
	row := o.Length * o.Inner
	return graph.Loop{Run: inPieces(e, n.Shape.Elems()/row, row, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			dx, dy := m.Out[r*row:(r+1)*row], m.In[0][r*o.Inner:(r+1)*o.Inner]
			if o.Inner == 1 {
				e.Kernels.Fill(dx, scale*dy[0])
				continue
			}
			e.Kernels.Scale(dx[:o.Inner], scale, dy)
			for at := o.Inner; at < row; at += o.Inner {
				copy(dx[at:at+o.Inner], dx[:o.Inner])
			}
		}
	})}
}
