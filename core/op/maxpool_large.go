package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// MaxPoolLargeGrad adds dy to dx at the first maximum of each window, rows before columns, for windows
// with more taps than a byte counts.
//
//	dy, y  N×OH×OW×C
//	x, dx  N×H×W×C
type MaxPoolLargeGrad MaxPool

// Kind is MaxPoolLargeGrad.
func (MaxPoolLargeGrad) Kind() string { return "MaxPoolLargeGrad" }

// Infer is the shape of x.
func (p MaxPoolLargeGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("%d inputs, want dy, x and y", len(in))
	}
	y, err := MaxPool(p).Infer(in[1:2])
	if err != nil {
		return nil, err
	}
	if !in[0].Equal(y) || !in[2].Equal(y) {
		return nil, fmt.Errorf("dy %v and y %v, want %v", in[0], in[2], y)
	}
	return in[1].Clone(), nil
}

// Lower splits the rows of dx: each worker looks at all windows that reach into its rows and
// adds what falls there. Windows at a border are looked at twice, and no two workers write to
// the same place.
func (p MaxPoolLargeGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(MaxPool(p).plane(n.Shape))
	c := n.Shape.Channels()
	weight := w.w.in * c * max(1, w.taps()/max(1, w.h.stride*w.w.stride))
	return graph.Loop{Scratch: e.Pool.Threads() * c, Run: inWorkerPieces(e, n.Shape[0]*w.h.in, weight, func(lo, hi, worker int) {
		s := maxScatter{poolPlane: w, c: c, left: m.Scratch[worker*c : (worker+1)*c]}
		for lo < hi {
			image, first := lo/w.h.in, lo%w.h.in
			end := min(w.h.in, first+hi-lo)
			s.dy, s.y = perImage(m.In[0], image, n.Shape[0]), perImage(m.In[2], image, n.Shape[0])
			s.x, s.dx = perImage(m.In[1], image, n.Shape[0]), perImage(m.Out, image, n.Shape[0])
			s.rows(first, end)
			lo += end - first
		}
	})}
}

// maxScatter is the gradient of a max pooling over one image.
type maxScatter struct {
	poolPlane
	c            int
	dx, dy, x, y []float32
	left         []float32 // the maxima of a window, NaN once found
}

// rows makes rows lo..hi-1 of dx.
func (s *maxScatter) rows(lo, hi int) {
	clear(s.dx[lo*s.w.in*s.c : hi*s.w.in*s.c])
	first, _ := s.h.windows(lo)
	_, last := s.h.windows(hi - 1)
	for oh := first; oh < last; oh++ {
		for ow := range s.w.out {
			s.window(oh, ow, lo, hi)
		}
	}
}

// window adds the dy of one window to the rows lo..hi-1.
func (s *maxScatter) window(oh, ow, lo, hi int) {
	at := (oh*s.w.out + ow) * s.c
	dy := s.dy[at : at+s.c]
	copy(s.left, s.y[at:at+s.c])
	h0, h1 := s.h.taps(oh)
	w0, w1 := s.w.taps(ow)
	for th := h0; th < h1; th++ {
		ih := s.h.start(oh) + th*s.h.dilation
		for tw := w0; tw < w1; tw++ {
			at := (ih*s.w.in + s.w.start(ow) + tw*s.w.dilation) * s.c
			if ih >= lo && ih < hi {
				addWhereMax(s.dx[at:at+s.c], dy, s.x[at:at+s.c], s.left)
			} else {
				strikeMax(s.x[at:at+s.c], s.left)
			}
		}
	}
}

// addWhereMax adds dy where x is the maximum that is left, and strikes that out.
func addWhereMax(dx, dy, x, left []float32) {
	dx, dy, left = dx[:len(x)], dy[:len(x)], left[:len(x)]
	for i, v := range x {
		if v == left[i] {
			dx[i] += dy[i]
			left[i] = nan
		}
	}
}

// strikeMax strikes out the maxima that are found in x.
func strikeMax(x, left []float32) {
	left = left[:len(x)]
	for i, v := range x {
		if v == left[i] {
			left[i] = nan
		}
	}
}

// nan is equal to nothing.
var nan = float32(math.NaN())
