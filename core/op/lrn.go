package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// LRN is local response normalization across channels, y = x·s^-Beta with
// s = Bias + Alpha/Size·Σ x² over the Size channels around (Krizhevsky et al. 2012, §3.3).
// Channels depend on their neighbours, so it has no ties.
//
//	x, y  N×…×C
type LRN struct {
	Size              int
	Alpha, Beta, Bias float32
}

// Kind is the ONNX name.
func (LRN) Kind() string { return "LRN" }

// Infer keeps the shape.
func (l LRN) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if l.Size < 1 || l.Size > tensor.MaxElems {
		return nil, fmt.Errorf("window of %d channels, want 1 to %d", l.Size, tensor.MaxElems)
	}
	return inferRows(in)
}

// around is the channels that count for channel i of c, rounded towards the later ones.
func (l LRN) around(i, c int) (lo, hi int) {
	return max(0, i-(l.Size-1)/2), min(c, i+l.Size/2+1)
}

// feels is the channels that count channel i among theirs.
func (l LRN) feels(i, c int) (lo, hi int) {
	return max(0, i-l.Size/2), min(c, i+(l.Size-1)/2+1)
}

// norm is s for channel i.
func (l LRN) norm(x []float32, i int) float32 {
	lo, hi := l.around(i, len(x))
	var sum float32
	for _, v := range x[lo:hi] {
		sum += v * v
	}
	return l.Bias + l.Alpha/float32(l.Size)*sum
}

// power is s^-Beta; the Beta of every published network takes two square roots.
func (l LRN) power(s float32) float32 {
	if l.Beta == 0.75 {
		root := math.Sqrt(float64(s))
		return float32(1 / (root * math.Sqrt(root)))
	}
	return float32(math.Pow(float64(s), -float64(l.Beta)))
}

// Lower goes row by row.
func (l LRN) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return rowLoop(e, n, m, func(y, x []float32) {
		for i, v := range x {
			y[i] = v * l.power(l.norm(x, i))
		}
	})
}

// Grad needs x.
func (l LRN) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, LRNGrad(l), dy, n.In[0])
}

// LRNGrad is dx_i = dy_i·s_i^-Beta - 2·Alpha·Beta/Size·x_i·Σ dy_j·x_j·s_j^(-Beta-1) over the
// channels j that count i among theirs.
//
//	dy, x  N×…×C
type LRNGrad LRN

// Kind is LRNGrad.
func (LRNGrad) Kind() string { return "LRNGrad" }

// Infer keeps the shape.
func (LRNGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower goes row by row, with the terms of the sum in scratch.
func (g LRNGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape.Channels()
	return graph.Loop{Scratch: c * e.Pool.Threads(), Run: inWorkerPieces(e, n.Shape.Rows(), 3*expWeight*c, func(lo, hi, worker int) {
		term := m.Scratch[worker*c : (worker+1)*c]
		for r := lo; r < hi; r++ {
			LRN(g).back(m.Out[r*c:(r+1)*c], m.In[0][r*c:(r+1)*c], m.In[1][r*c:(r+1)*c], term)
		}
	})}
}

// back is one row of LRNGrad.
func (l LRN) back(dx, dy, x, term []float32) {
	for j, v := range x {
		s := l.norm(x, j)
		p := l.power(s)
		dx[j], term[j] = dy[j]*p, dy[j]*v*p/s
	}
	k := 2 * l.Alpha * l.Beta / float32(l.Size)
	for i, v := range x {
		var sum float32
		lo, hi := l.feels(i, len(x))
		for _, t := range term[lo:hi] {
			sum += t
		}
		dx[i] -= k * v * sum
	}
}
