package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Pad puts Value around an image and its channels.
//
//	x  N×H×W×C
//	y  N×(top+H+bottom)×(left+W+right)×(before+C+after)
type Pad struct {
	Pads     [4]int // top, left, bottom, right
	Channels [2]int // before, after
	Value    float32
}

// Kind is the ONNX name.
func (Pad) Kind() string { return "Pad" }

// Infer adds the pads.
func (p Pad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want one N×H×W×C", in)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	s := in[0]
	return tensor.Shape{s[0], s[1] + p.Pads[0] + p.Pads[2], s[2] + p.Pads[1] + p.Pads[3],
		s[3] + p.Channels[0] + p.Channels[1]}, nil
}

// check wants no pad negative or beyond any tensor.
func (p Pad) check() error {
	for _, k := range append(p.Pads[:], p.Channels[:]...) {
		if k < 0 || k > tensor.MaxElems {
			return fmt.Errorf("pads %v and %v of channels, want 0 to %d each", p.Pads, p.Channels, tensor.MaxElems)
		}
	}
	return nil
}

// Lower makes the output row by row.
func (p Pad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	f := newFrame(p.Pads, p.Channels, n.In[0].Shape, n.Shape)
	return graph.Loop{Run: inPieces(e, f.image*f.height, f.row, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			y := m.Out[r*f.row : (r+1)*f.row]
			e.Kernels.Fill(y, p.Value)
			if x, ok := f.source(r); ok {
				f.pixels(m.In[0][x:x+f.size], y, false)
			}
		}
	})}
}

// Grad is dy without the pads.
func (p Pad) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, PadGrad{Pads: p.Pads, Channels: p.Channels}, dy)
}

// Ties shifts the channels by the pad before them.
func (p Pad) Ties(n *graph.Node) graph.Ties {
	c := n.In[0].Shape.Channels()
	return graph.Ties{Links: []graph.Tie{
		graph.Offset(channelEnd(n, 0), channelEnd(n, graph.Out), p.Channels[0], c, n.Shape.Channels()),
	}}
}

// Cut counts the padded channels that remain.
func (p Pad) Cut(n *graph.Node, keep func(graph.End) []int) graph.Op {
	out := keep(channelEnd(n, graph.Out))
	if out == nil {
		return p
	}
	after := p.Channels[0] + n.In[0].Shape.Channels()
	before := p.Channels[0]
	p.Channels = [2]int{}
	for _, j := range out {
		switch {
		case j < before:
			p.Channels[0]++
		case j >= after:
			p.Channels[1]++
		}
	}
	return p
}

// PadGrad is dy without the pads.
//
//	dy  N×(top+H+bottom)×(left+W+right)×(before+C+after)
//	dx  N×H×W×C
type PadGrad struct {
	Pads     [4]int
	Channels [2]int
}

// Kind is PadGrad.
func (PadGrad) Kind() string { return "PadGrad" }

// Infer takes the pads away.
func (p PadGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want one N×H×W×C", in)
	}
	if err := (Pad{Pads: p.Pads, Channels: p.Channels}).check(); err != nil {
		return nil, err
	}
	s := in[0]
	return tensor.Shape{s[0], s[1] - p.Pads[0] - p.Pads[2], s[2] - p.Pads[1] - p.Pads[3],
		s[3] - p.Channels[0] - p.Channels[1]}, nil
}

// Lower copies row by row.
func (p PadGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	f := newFrame(p.Pads, p.Channels, n.Shape, n.In[0].Shape)
	return graph.Loop{Run: inPieces(e, f.image*f.height, f.size, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			if x, ok := f.source(r); ok {
				f.pixels(m.Out[x:x+f.size], m.In[0][r*f.row:(r+1)*f.row], true)
			}
		}
	})}
}

// frame is where an image lies within its padded one.
type frame struct {
	image, height int // images, rows of a padded one
	row, size     int // floats in a row with pads and without
	top, inner    int // first row that is not padding, number of these
	left, width   int // first pixel of a row that is not padding, number of these
	c, padded     int // channels without pads and with
	before        int
}

// newFrame is the frame of x, the shape without pads, in y.
func newFrame(pads [4]int, channels [2]int, x, y tensor.Shape) frame {
	return frame{image: y[0], height: y[1], row: y[2] * y[3], size: x[2] * x[3], top: pads[0], inner: x[1],
		left: pads[1], width: x[2], c: x[3], padded: y[3], before: channels[0]}
}

// source is where the row of x for row r of y begins, ok false where that is all padding.
func (f frame) source(r int) (at int, ok bool) {
	image, h := r/f.height, r%f.height-f.top
	return (image*f.inner + h) * f.size, h >= 0 && h < f.inner
}

// pixels copies a row x into a padded row y, or back out of it.
func (f frame) pixels(x, y []float32, back bool) {
	y = y[f.left*f.padded:]
	if f.c == f.padded {
		move(x, y[:f.size], back)
		return
	}
	for i := range f.width {
		move(x[i*f.c:(i+1)*f.c], y[i*f.padded+f.before:][:f.c], back)
	}
}
