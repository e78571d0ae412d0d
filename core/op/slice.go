package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Slice takes Count indices along an axis of our layout: Start, Start+Step, …
// A Step of 0 means 1.
type Slice struct{ Axis, Start, Count, Step int }

// Kind is the ONNX name.
func (Slice) Kind() string { return "Slice" }

func (s Slice) step() int { return max(s.Step, 1) }

// Infer wants every index inside the axis.
func (s Slice) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want x", len(in))
	}
	if err := checkAxis(s.Axis, in[0], 0); err != nil {
		return nil, err
	}
	if err := checkRange(s.Start, s.Count, s.Step, in[0][s.Axis]); err != nil {
		return nil, fmt.Errorf("axis %d of input %v: %w", s.Axis, in[0], err)
	}
	out := in[0].Clone()
	out[s.Axis] = s.Count
	return out, nil
}

// checkRange wants count ≥ 1 indices from start on, step apart, within 0..length-1.
func checkRange(start, count, step, length int) error {
	if start < 0 || start >= length || count < 1 || count > length || step < 0 || step > length ||
		start+(count-1)*max(step, 1) >= length {
		return fmt.Errorf("%d indices from %d, %d apart, want them within %d", count, start, step, length)
	}
	return nil
}

// Lower copies stretch by stretch.
func (s Slice) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	outer, inner := around(n.Shape, s.Axis)
	row, size := n.In[0].Shape[s.Axis]*inner, s.Count*inner
	move := sliceRow(s.Start, s.Count, s.step(), inner)
	return graph.Loop{Run: inPieces(e, outer, size, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			move(m.In[0][r*row:(r+1)*row], m.Out[r*size:(r+1)*size], false)
		}
	})}
}

// sliceRow copies a slice out of x to y, or y back into x.
func sliceRow(start, count, step, inner int) func(x, y []float32, back bool) {
	if step == 1 {
		return func(x, y []float32, back bool) {
			move(x[start*inner:(start+count)*inner], y, back)
		}
	}
	return func(x, y []float32, back bool) {
		for j := range count {
			at := (start + j*step) * inner
			move(x[at:at+inner], y[j*inner:(j+1)*inner], back)
		}
	}
}

// move copies x to y, or back.
func move(x, y []float32, back bool) {
	if back {
		x, y = y, x
	}
	copy(y, x)
}

// Grad puts dy back where it came from, between zeros.
func (s Slice) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	back := SliceGrad{Axis: s.Axis, Start: s.Start, Step: s.Step, Len: n.In[0].Shape[s.Axis]}
	return gradOfFirst(g, n, want, back, dy)
}

// Ties ties the channels that are taken; another axis leaves them as they are.
func (s Slice) Ties(n *graph.Node) graph.Ties {
	if s.Axis != len(n.Shape)-1 {
		return channelTies(n)
	}
	return graph.Ties{Links: []graph.Tie{{A: channelEnd(n, 0), B: channelEnd(n, graph.Out), Of: s.index()}}}
}

func (s Slice) index() []int {
	of := upTo(s.Count)
	for j := range of {
		of[j] = s.Start + j*s.step()
	}
	return of
}

// Cut takes the kept channels at their new places: a Slice if they lie side by side, else a Gather.
func (s Slice) Cut(n *graph.Node, keep func(graph.End) []int) graph.Op {
	if s.Axis != len(n.Shape)-1 {
		return s
	}
	of := renumber(s.index(), keep(channelEnd(n, 0)), keep(channelEnd(n, graph.Out)))
	for j, i := range of {
		if i != of[0]+j {
			return Gather{Index: of}
		}
	}
	return Slice{Axis: s.Axis, Start: of[0], Count: len(of), Step: 1}
}

// SliceGrad puts dy at Start, Start+Step, … along an axis of length Len, zeros elsewhere.
type SliceGrad struct{ Axis, Start, Step, Len int }

// Kind is SliceGrad.
func (SliceGrad) Kind() string { return "SliceGrad" }

// Infer lengthens the axis to Len.
func (s SliceGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want dy", len(in))
	}
	if err := checkAxis(s.Axis, in[0], 0); err != nil {
		return nil, err
	}
	if err := checkRange(s.Start, in[0][s.Axis], s.Step, s.Len); err != nil {
		return nil, fmt.Errorf("axis %d of dy %v: %w", s.Axis, in[0], err)
	}
	out := in[0].Clone()
	out[s.Axis] = s.Len
	return out, nil
}

// Lower clears and copies row by row.
func (s SliceGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	outer, inner := around(n.Shape, s.Axis)
	count := n.In[0].Shape[s.Axis]
	row, size := s.Len*inner, count*inner
	move := sliceRow(s.Start, count, max(s.Step, 1), inner)
	return graph.Loop{Run: inPieces(e, outer, row, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			x := m.Out[r*row : (r+1)*row]
			clear(x)
			move(x, m.In[0][r*size:(r+1)*size], true)
		}
	})}
}
