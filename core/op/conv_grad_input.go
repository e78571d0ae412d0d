package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// ConvGradInput is the gradient of Conv for x. InSize is the height and width of x, which is
// not needed otherwise.
//
//	dx  N×H×W×C
//	dy  N×OH×OW×O
//	w   O×KH×KW×(C/Groups)
type ConvGradInput struct {
	Stride, Dilation [2]int
	Pads             [4]int
	Groups           int
	InSize           [2]int
}

// Kind is ConvGradInput.
func (ConvGradInput) Kind() string { return "ConvGradInput" }

func (c ConvGradInput) conv() Conv { return Conv{c.Stride, c.Dilation, c.Pads, c.Groups} }

// Infer wants dy as Conv would make it from dx.
func (c ConvGradInput) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || len(in[1]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy and w of four axes each", in)
	}
	dx := tensor.Shape{in[0][0], c.InSize[0], c.InSize[1], in[1][3] * c.conv().groups()}
	dy, err := c.conv().Infer([]tensor.Shape{dx, in[1]})
	if err != nil {
		return nil, err
	}
	if !dy.Equal(in[0]) {
		return nil, fmt.Errorf("dy is %v, input %v and weight %v make %v", in[0], dx, in[1], dy)
	}
	return dx, nil
}

// Lower multiplies rows of dy with the weights of each phase of the stride.
func (c ConvGradInput) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return c.lowerWith(e, n, m, hooks{})
}

func (c ConvGradInput) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(c, e, n, m, h)
}

// lowering is by Winograd where that wins: a convolution of dy with the weights turned round and
// what is left of the padding.
func (c ConvGradInput) lowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	if w := n.In[1].Shape; winogradFits(c.conv(), w) && winogradWins(n.Shape, w[0], w[3]) {
		return winogradByTiles(c.winograd(e, n))
	}
	return c.rowLowering(e, n, atRest)
}

func (c ConvGradInput) winograd(e *graph.Env, n *graph.Node) *winogradLoop {
	dy := n.In[0].Shape
	g := newWinogradGrid(dy[0], [2]int{dy[1], dy[2]}, c.InSize, [2]int{2 - c.Pads[0], 2 - c.Pads[1]})
	return newWinogradLoop(e, g, winogradBackward(e, n.In[1].Shape), 0)
}

// rowLowering looks from the input pixels at the outputs they have reached. With a stride these are
// different taps for each phase of the input positions: one dense pass each (the sub-pixel
// form of a transposed convolution), so that nothing is multiplied with zeros between pixels.
func (c ConvGradInput) rowLowering(e *graph.Env, n *graph.Node, _ bool) lowering {
	dy, w, groups := n.In[0].Shape, n.In[1].Shape, c.conv().groups()
	win := c.conv().window([2]int{w[1], w[2]})
	dense := im2row{images: dy[0], size: [2]int{dy[1], dy[2]}, channels: dy[3], width: w[0] / groups, step: [2]int{1, 1}}
	var passes []convPass
	for py := range min(win.stride[0], c.InSize[0]) {
		for px := range min(win.stride[1], c.InSize[1]) {
			p := convPass{im2row: dense, from: [2]int{py, px}, step: win.stride}
			p.grid = [2]int{(c.InSize[0]-py-1)/win.stride[0] + 1, (c.InSize[1]-px-1)/win.stride[1] + 1}
			var taps [2][]int
			p.ty, taps[0] = win.phase(0, py)
			p.tx, taps[1] = win.phase(1, px)
			p.pack = convPackGrad(e, w, groups, taps)
			passes = append(passes, p)
		}
	}
	return newConvLoop(e, groups, w[3], c.InSize, 0, passes...)
}

// convPackGrad packs the weights of some taps with a row for each tap and filter of a group and
// a column for each input channel.
func convPackGrad(e *graph.Env, s tensor.Shape, groups int, taps [2][]int) convPack {
	filters, size := s[0]/groups, s[1]*s[2]*s[3]
	at := func(group, ky, kx int) int { return group*filters*size + (ky*s[2]+kx)*s[3] }
	if len(taps[0])*len(taps[1]) == 1 {
		return func(dst, _, w []float32, group, lo, hi int) {
			e.Kernels.PackB(dst, w[at(group, taps[0][0], taps[1][0])+lo:], size, filters, hi-lo)
		}
	}
	return func(dst, tmp, w []float32, group, lo, hi int) {
		row := 0
		for _, ky := range taps[0] {
			for _, kx := range taps[1] {
				src := w[at(group, ky, kx):]
				for f := range filters {
					copy(tmp[row:row+hi-lo], src[f*size+lo:])
					row += hi - lo
				}
			}
		}
		e.Kernels.PackB(dst, tmp, hi-lo, row/(hi-lo), hi-lo)
	}
}
