package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Contributions is what each input channel adds to drawn outputs of a convolution with one group, or of a Gemm: row k of
// image n is, by channel, the part of output channel o at position (i, j) that comes from it, bias left out (ThiNet, Luo
// et al., ICCV 2017, 1707.06342, §3.2.1). Picks are numbers without a fraction; those outside are taken as the nearest inside.
//
//	x      N×H×W×C or N×C
//	w      O×KH×KW×C or O×C
//	picks  N×K×3, each o, i, j
//	y      N×K×C
type Contributions struct{ Conv Conv }

// Kind is Contributions.
func (Contributions) Kind() string { return "Contributions" }

// Infer wants inputs that the convolution or Gemm would take.
func (c Contributions) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || len(in[2]) != 3 || len(in[0]) < 2 || in[2][0] != in[0][0] || in[2][2] != 3 {
		return nil, fmt.Errorf("inputs %v, want x, w and picks N×K×3", in)
	}
	if c.Conv.groups() != 1 {
		return nil, fmt.Errorf("%d groups, want 1", c.Conv.groups())
	}
	if _, err := c.output(in[0], in[1]); err != nil {
		return nil, err
	}
	return tensor.Shape{in[0][0], in[2][1], in[0].Channels()}, nil
}

// output is the shape of what is explained.
func (c Contributions) output(x, w tensor.Shape) (tensor.Shape, error) {
	if len(x) == 2 {
		return Gemm{}.Infer([]tensor.Shape{x, w})
	}
	return c.Conv.Infer([]tensor.Shape{x, w})
}

// Lower goes image by image.
func (c Contributions) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	x, w := n.In[0].Shape, n.In[1].Shape
	y, err := c.output(x, w)
	if err != nil {
		panic(err)
	}
	t := &tapSums{e: e, c: x.Channels(), h: 1, w: 1, out: [3]int{y.Channels(), 1, 1}, ty: []int{0}, tx: []int{0}, stride: [2]int{1, 1}}
	if len(x) == 4 {
		win := c.Conv.window([2]int{w[1], w[2]})
		t.h, t.w, t.out, t.ty, t.tx, t.stride = x[1], x[2], [3]int{y[3], y[1], y[2]}, win.taps(0), win.taps(1), win.stride
	}
	size, picks := t.h*t.w*t.c, n.Shape[1]
	body := func(i, _ int) {
		for k := i * picks; k < (i+1)*picks; k++ {
			t.row(m.Out[k*t.c:(k+1)*t.c], m.In[0][i*size:(i+1)*size], m.In[1], m.In[2][3*k:3*k+3])
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(n.Shape[0], body) }}
}

// tapSums adds up the taps of one window channel by channel.
type tapSums struct {
	e       *graph.Env
	c, h, w int
	out     [3]int // channels, height, width
	ty, tx  []int  // of the taps, relative to stride·position
	stride  [2]int
}

// row is one row of y.
//
//	y     C  overwritten
//	x     H×W×C
//	w     O×KH×KW×C
//	pick  3
func (t *tapSums) row(y, x, w, pick []float32) {
	var at [3]int
	for i := range at {
		at[i] = min(max(int(pick[i]), 0), t.out[i]-1)
	}
	clear(y)
	w = w[at[0]*len(t.ty)*len(t.tx)*t.c:]
	for a, dy := range t.ty {
		for b, dx := range t.tx {
			i, j := at[1]*t.stride[0]+dy, at[2]*t.stride[1]+dx
			if i < 0 || i >= t.h || j < 0 || j >= t.w {
				continue
			}
			tap := w[(a*len(t.tx)+b)*t.c:]
			t.e.Kernels.ColDot(y, x[(i*t.w+j)*t.c:][:t.c], tap[:t.c])
		}
	}
}
