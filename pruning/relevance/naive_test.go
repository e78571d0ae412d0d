package relevance_test

import (
	"math"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// naive is ZPlus by the book: every output element hands out its relevance over a list of what it read, in float64.
type naive struct {
	t   testing.TB
	g   *graph.Graph
	mem nets.Values
	r   map[*graph.Node][]float64
}

// naively is the relevance of every node, by name.
func naively(t testing.TB, g *graph.Graph, logits *graph.Node, mem nets.Values, start []float32) map[string][]float64 {
	a := &naive{t, g, mem, map[*graph.Node][]float64{}}
	for i, v := range start {
		a.of(logits)[i] = float64(v)
	}
	out := map[string][]float64{}
	for id := logits.ID; id >= 0; id-- {
		n := g.Nodes[id]
		a.through(n)
		out[n.Name] = a.of(n)
	}
	return out
}

func (a *naive) of(n *graph.Node) []float64 {
	if a.r[n] == nil {
		a.r[n] = make([]float64, n.Shape.Elems())
	}
	return a.r[n]
}

// share is one claim on the relevance of an output element.
type share struct {
	at     int
	amount float64
}

// divide gives r to elements of to, in proportion to positive amounts.
func (a *naive) divide(to *graph.Node, r float64, claims []share) {
	sum := 0.0
	for _, c := range claims {
		sum += math.Max(0, c.amount)
	}
	for _, c := range claims {
		if sum > 0 {
			a.of(to)[c.at] += r * math.Max(0, c.amount) / sum
		}
	}
}

func (a *naive) through(n *graph.Node) {
	r := a.of(n)
	switch o := n.Op.(type) {
	case graph.Leaf:
	case op.Relu, op.HardSwish, op.HardSigmoid, op.PRelu, op.BatchNormalization, op.Reshape:
		for i, v := range r {
			a.of(n.In[0])[i] += v
		}
	case op.Conv:
		a.conv(n, o.Stride, o.Pads, func(c, j int) (int, bool) { return c, true }, product)
	case op.Depthwise:
		mult := n.Shape[3] / n.In[0].Shape[3]
		a.conv(n, o.Stride, o.Pads, func(c, j int) (int, bool) { return 0, j/mult == c }, leaky)
	case op.Gemm:
		k := n.In[1].Shape[1]
		for i, v := range r {
			var claims []share
			for c := range k {
				at := i/n.Shape[1]*k + c
				claims = append(claims, share{at, a.value(n.In[0], at) * a.value(n.In[1], i%n.Shape[1]*k+c)})
			}
			a.divide(n.In[0], v, claims)
		}
	case op.MaxPool, op.GlobalAveragePool, op.Resize:
		a.pool(n)
	case op.Add:
		a.add(n)
	case op.Mul:
		for i, v := range r { // in nets the first operand is what is gated or scaled
			a.of(n.In[0])[i] += v
		}
	case op.Concat, op.Slice, op.Gather, op.Pad:
		a.move(n)
	default:
		a.t.Fatalf("%s: the naive rules know no %s", n.Name, n.Op.Kind())
	}
}

func (a *naive) value(n *graph.Node, i int) float64 { return float64(a.mem[n.Name][i]) }

func product(x, w float64) float64 { return x * w }

// leaky counts 1e-6 at least of input and weight, so that a window of zeros has claims too.
func leaky(x, w float64) float64 {
	return math.Max(x, 1e-6)*math.Max(w, 1e-6) + math.Min(x, 0)*math.Min(w, 0)
}

// conv claims the amounts of x and w over the window of each output; tap says which weight channel j's filter has for channel c.
func (a *naive) conv(n *graph.Node, stride [2]int, pads [4]int, tap func(c, j int) (int, bool), amount func(x, w float64) float64) {
	x, w, y := n.In[0], n.In[1], n.Shape
	xs, ws := x.Shape, w.Shape
	for i, v := range a.of(n) {
		if v == 0 {
			continue
		}
		j, ox, oy, image := i%y[3], i/y[3]%y[2], i/y[3]/y[2]%y[1], i/y[3]/y[2]/y[1]
		var claims []share
		for ky := range ws[1] {
			for kx := range ws[2] {
				iy, ix := oy*max(stride[0], 1)+ky-pads[0], ox*max(stride[1], 1)+kx-pads[1]
				if iy < 0 || ix < 0 || iy >= xs[1] || ix >= xs[2] {
					continue
				}
				for c := range xs[3] {
					if k, ok := tap(c, j); ok {
						at := ((image*xs[1]+iy)*xs[2]+ix)*xs[3] + c
						weight := a.value(w, ((j*ws[1]+ky)*ws[2]+kx)*ws[3]+k) * a.norm(n, j)
						claims = append(claims, share{at, amount(a.value(x, at), weight)})
					}
				}
			}
		}
		a.divide(x, v, claims)
	}
}

// norm is the factor of filter j that the batch normalization behind n stands for.
func (a *naive) norm(n *graph.Node, j int) float64 {
	u := a.g.Users()[n.ID]
	if len(u) == 0 {
		return 1
	}
	o, ok := u[0].Op.(op.BatchNormalization)
	if !ok {
		return 1
	}
	return a.value(u[0].In[1], j) / math.Sqrt(a.value(u[0].In[4], j)+float64(o.Eps))
}

// pool follows windows of 3×3 with a stride of 2 for the maximum, all pixels for the mean, and a factor for Resize.
func (a *naive) pool(n *graph.Node) {
	x, s, y := n.In[0], n.In[0].Shape, n.Shape
	for i, v := range a.of(n) {
		c, ox, oy, image := i%y[3], i/y[3]%y[2], i/y[3]/y[2]%y[1], i/y[3]/y[2]/y[1]
		lo, hi := [2]int{0, 0}, [2]int{s[1], s[2]}
		switch n.Op.(type) {
		case op.MaxPool:
			lo, hi = [2]int{2 * oy, 2 * ox}, [2]int{min(2*oy+3, s[1]), min(2*ox+3, s[2])}
		case op.Resize:
			lo = [2]int{oy * s[1] / y[1], ox * s[2] / y[2]}
			hi = [2]int{lo[0] + 1, lo[1] + 1}
		}
		var claims []share
		best := 0
		for iy := lo[0]; iy < hi[0]; iy++ {
			for ix := lo[1]; ix < hi[1]; ix++ {
				at := ((image*s[1]+iy)*s[2]+ix)*s[3] + c
				claims = append(claims, share{at, a.value(x, at)})
				if a.value(x, at) > claims[best].amount {
					best = len(claims) - 1
				}
			}
		}
		if _, max := n.Op.(op.MaxPool); max {
			claims = []share{{claims[best].at, 1}}
		}
		a.divide(x, v, claims)
	}
}

// add divides by positive values where a ReLU follows or nothing is negative, else by sizes.
func (a *naive) add(n *graph.Node) {
	positive := true
	for _, in := range n.In {
		for _, v := range a.mem[in.Name] {
			positive = positive && v >= 0
		}
	}
	if u := a.g.Users()[n.ID]; len(u) == 1 {
		_, relu := u[0].Op.(op.Relu)
		positive = positive || relu
	}
	size := math.Abs
	if positive {
		size = func(v float64) float64 { return math.Max(v, 0) }
	}
	for i, v := range a.of(n) {
		x, y := size(a.value(n.In[0], i)), size(a.value(n.In[1], i))
		if x+y > 0 {
			a.of(n.In[0])[i] += v * x / (x + y)
			a.of(n.In[1])[i] += v * y / (x + y)
		}
	}
}

// move numbers the elements of the inputs, runs the op on the numbers and sends relevance where they came from.
func (a *naive) move(n *graph.Node) {
	h := graph.New()
	feeds := nets.Values{}
	var in, from []*graph.Node
	var base []int
	next := 1
	for _, x := range n.In {
		v := tensor.Floats(x.Shape.Elems())
		for i := range v {
			v[i] = float32(next + i)
		}
		from, base = append(from, x), append(base, next)
		next += len(v)
		leaf := h.Leaf(x.Name, graph.Input, x.Shape, nil)
		feeds[leaf.Name] = v
		in = append(in, leaf)
	}
	number := nets.Run(a.t, h, withOut(h, n, in, feeds))["moved"]
	for i, v := range a.of(n) {
		for k := len(base) - 1; k >= 0; k-- {
			if at := int(number[i]) - base[k]; at >= 0 {
				a.of(from[k])[at] += v
				break
			}
		}
	}
}

func withOut(h *graph.Graph, n *graph.Node, in []*graph.Node, feeds nets.Values) nets.Values {
	h.Add("moved", n.Op, in...)
	return feeds
}
