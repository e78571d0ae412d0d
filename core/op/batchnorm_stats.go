package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BatchStats is BatchMean and BatchVar in one pass over x. Plans do this; Row parts them again.
//
//	x      N×…×C
//	stats  2×C: means, biased variances
type BatchStats struct{}

// Kind is BatchStats.
func (BatchStats) Kind() string { return "BatchStats" }

// Infer is two rows of C.
func (BatchStats) Infer(in []tensor.Shape) (tensor.Shape, error) {
	c, err := BiasGrad{}.Infer(in)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{2, c[0]}, nil
}

// statsRows is the number of rows whose mean a part measures distances from. The mean of squares
// less the square of the mean would cancel where the mean is far from zero; so close to the mean
// nothing does.
const statsRows = 16

// statsParts is the number of parts that have sums of their own.
func statsParts(rows, c int) int { return max(1, min(16, rows*c/8192, rows)) }

// Lower sums distances and their squares part by part, and puts the parts together.
func (BatchStats) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape[1], n.In[0].Shape.Rows()
	parts, slot := statsParts(rows, c), momentSlot(c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		s := m.Scratch[part*slot : (part+1)*slot]
		clear(s)
		addMoments(e, s, m.In[0][lo*c:hi*c])
	}
	return graph.Loop{Scratch: parts * slot, Run: func() {
		e.Pool.Run(parts, body)
		joinMoments(m.Out, m.Scratch[:parts*slot])
	}}
}

// momentSlot is the length of the moments of a part: the number of rows, a pivot near the mean of
// each channel, the sums of distances from it, and those of their squares.
func momentSlot(c int) int { return 3*c + 1 }

// addMoments adds rows x of a part to its moments s, zeros before the first.
func addMoments(e *graph.Env, s, x []float32) {
	c := len(s) / 3
	pivot, sum, sq := s[1:1+c], s[1+c:1+2*c], s[1+2*c:]
	if s[0] == 0 {
		first := min(statsRows, len(x)/c)
		e.Kernels.ColSum(pivot, x[:first*c])
		e.Kernels.Scale(pivot, 1/float32(first), pivot)
	}
	s[0] += float32(len(x) / c)
	e.Kernels.ColMoments(sum, sq, x, pivot)
}

// joinMoments puts the moments of parts together, in their order and in float64: to the squares
// within the parts it adds those between them (Chan, Golub & LeVeque 1983, eq. 2.1b).
func joinMoments(stats, parts []float32) {
	c := len(stats) / 2
	slot, rows := momentSlot(c), 0.0
	for p := 0; p < len(parts); p += slot {
		rows += float64(parts[p])
	}
	for j := range c {
		mean, squares := 0.0, 0.0
		for p := 0; p < len(parts); p += slot {
			mean += float64(parts[p])*float64(parts[p+1+j]) + float64(parts[p+1+c+j])
		}
		mean /= rows
		for p := 0; p < len(parts); p += slot {
			// Σ(x-mean)² = Σ(x-pivot)² + 2·d·Σ(x-pivot) + n·d² with d = pivot-mean
			d := float64(parts[p+1+j]) - mean
			squares += float64(parts[p+1+2*c+j]) + d*(2*float64(parts[p+1+c+j])+float64(parts[p])*d)
		}
		stats[j], stats[c+j] = float32(mean), float32(max(0, squares)/rows)
	}
}

// Row is one row of a matrix.
//
//	x  R×C
//	y  C
type Row struct{ Index int }

// Kind is Row.
func (Row) Kind() string { return "Row" }

// Infer is C.
func (r Row) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 2 || r.Index < 0 || r.Index >= in[0][0] {
		return nil, fmt.Errorf("inputs %v, want a matrix that has row %d", in, r.Index)
	}
	return tensor.Shape{in[0][1]}, nil
}

// Lower copies.
func (r Row) Lower(_ *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape[0]
	return graph.Loop{Run: func() { copy(m.Out, m.In[0][r.Index*c:(r.Index+1)*c]) }}
}
