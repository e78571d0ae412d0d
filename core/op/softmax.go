package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Softmax is e^(x - max) over its sum, along the last axis. Each output depends on all channels,
// so it has no ties.
//
//	x, y  N×…×C
type Softmax struct{}

// Kind is the ONNX name.
func (Softmax) Kind() string { return "Softmax" }

// Infer keeps the shape.
func (Softmax) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferRows(in) }

// inferRows keeps the shape of the only input, which needs an axis to run along.
func inferRows(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want one tensor with channels", in)
	}
	return in[0].Clone(), nil
}

// Lower goes row by row.
func (Softmax) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return rowLoop(e, n, m, func(y, x []float32) {
		e.Kernels.Exp(y, x, e.Kernels.Max(x))
		e.Kernels.Scale(y, float32(1/e.Kernels.Sum(y)), y)
	})
}

// rowLoop runs f for each row of x.
func rowLoop(e *graph.Env, n *graph.Node, m *graph.Mem, f func(y, x []float32)) graph.Loop {
	c := n.Shape.Channels()
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 2*expWeight*c, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			f(m.Out[r*c:(r+1)*c], m.In[0][r*c:(r+1)*c])
		}
	})}
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (Softmax) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, SoftmaxGrad{}, dy, n)
}

// InPlace may overwrite x.
func (Softmax) InPlace() []int { return []int{0} }

// SoftmaxGrad is dx = y·(dy - Σ dy·y) along the last axis.
//
//	dy, y  N×…×C
type SoftmaxGrad struct{}

// Kind is SoftmaxGrad.
func (SoftmaxGrad) Kind() string { return "SoftmaxGrad" }

// Infer keeps the shape.
func (SoftmaxGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower goes row by row.
func (SoftmaxGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return rowGradLoop(e, n, m, func(dx, dy, y []float32) {
		e.Kernels.SoftmaxGrad(dx, dy, y, float32(e.Kernels.Dot(dy, y)))
	})
}

// rowGradLoop runs f for each row of dy and y.
func rowGradLoop(e *graph.Env, n *graph.Node, m *graph.Mem, f func(dx, dy, y []float32)) graph.Loop {
	c := n.Shape.Channels()
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), expWeight*c, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			f(m.Out[r*c:(r+1)*c], m.In[0][r*c:(r+1)*c], m.In[1][r*c:(r+1)*c])
		}
	})}
}

// InPlace may overwrite dy or y.
func (SoftmaxGrad) InPlace() []int { return []int{0, 1} }

// LogSoftmax is x - max - ln Σ e^(x - max) along the last axis. It has no ties.
//
//	x, y  N×…×C
type LogSoftmax struct{}

// Kind is the ONNX name.
func (LogSoftmax) Kind() string { return "LogSoftmax" }

// Infer keeps the shape.
func (LogSoftmax) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferRows(in) }

// Lower goes row by row.
func (LogSoftmax) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return rowLoop(e, n, m, func(y, x []float32) {
		top := e.Kernels.Max(x)
		log := float32(math.Log(e.Kernels.SumExp(x, top)))
		for i, v := range x {
			y[i] = v - top - log
		}
	})
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (LogSoftmax) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, LogSoftmaxGrad{}, dy, n)
}

// InPlace may overwrite x.
func (LogSoftmax) InPlace() []int { return []int{0} }

// LogSoftmaxGrad is dx = dy - e^y·Σ dy along the last axis.
//
//	dy, y  N×…×C
type LogSoftmaxGrad struct{}

// Kind is LogSoftmaxGrad.
func (LogSoftmaxGrad) Kind() string { return "LogSoftmaxGrad" }

// Infer keeps the shape.
func (LogSoftmaxGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower goes row by row.
func (LogSoftmaxGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape.Channels()
	return graph.Loop{Scratch: c * e.Pool.Threads(), Run: inWorkerPieces(e, n.Shape.Rows(), expWeight*c, func(lo, hi, worker int) {
		p := m.Scratch[worker*c : (worker+1)*c]
		for r := lo; r < hi; r++ {
			dx, dy := m.Out[r*c:(r+1)*c], m.In[0][r*c:(r+1)*c]
			sum := float32(e.Kernels.Sum(dy))
			e.Kernels.Exp(p, m.In[1][r*c:(r+1)*c], 0)
			copy(dx, dy)
			e.Kernels.Axpy(dx, -sum, p)
		}
	})}
}

// InPlace may overwrite dy or y.
func (LogSoftmaxGrad) InPlace() []int { return []int{0, 1} }
