package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Dropout is y = x, in the same memory: what dropout is outside of training. Training puts a
// DropoutTrain in its place.
type Dropout struct{ Ratio float32 }

// Kind is the ONNX name.
func (Dropout) Kind() string { return "Dropout" }

// Infer keeps the shape.
func (d Dropout) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := checkRatio(d.Ratio); err != nil {
		return nil, err
	}
	return inferUnary(in)
}

func checkRatio(r float32) error {
	if !(r >= 0 && r < 1) {
		return fmt.Errorf("ratio %g, want 0 or more and below 1", r)
	}
	return nil
}

// Alias shares the memory of x.
func (Dropout) Alias() int { return 0 }

// Lower has nothing to do.
func (Dropout) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop { return aliasLoop(m) }

// Grad passes dy on.
func (Dropout) Grad(_ *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return passGrad(dy, want)
}

// Ties passes channels through.
func (Dropout) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// DropoutTrain is 0 with probability Ratio and x/(1-Ratio) otherwise, element by element
// (Srivastava et al. 2014). Which ones depends on seed, step and the place of the element alone,
// so that a resumed run draws the same ones and the gradient need not keep them.
//
//	x     N×…
//	step  1 value
type DropoutTrain struct {
	Ratio float32
	Seed  int
}

// Kind is DropoutTrain.
func (DropoutTrain) Kind() string { return "DropoutTrain" }

// Infer keeps the shape of x.
func (d DropoutTrain) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || in[1].Elems() != 1 {
		return nil, fmt.Errorf("inputs %v, want x and a step of 1 element", in)
	}
	if err := checkRatio(d.Ratio); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower draws a number for each element.
func (d DropoutTrain) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	scale, limit := 1/(1-d.Ratio), uint32(float64(d.Ratio)*(1<<32))
	return graph.Loop{Run: inPieces(e, n.Shape.Elems(), expWeight, func(lo, hi int) {
		key := scramble(uint64(d.Seed)) ^ uint64(math.Float32bits(m.In[1][0]))
		key = scramble(key)
		y, x := m.Out[lo:hi], m.In[0][lo:hi]
		for i, v := range x {
			if uint32(scramble(key+uint64(lo+i))>>32) < limit {
				y[i] = 0
			} else {
				y[i] = v * scale
			}
		}
	})}
}

// Grad drops and scales dy as x was.
func (d DropoutTrain) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, d, dy, n.In[1])
}

// Ties passes channels through.
func (DropoutTrain) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (DropoutTrain) InPlace() []int { return []int{0} }

// scramble turns a counter into a random number (splitmix64, Steele et al. 2014, fig. 19).
func scramble(z uint64) uint64 {
	z = (z + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
