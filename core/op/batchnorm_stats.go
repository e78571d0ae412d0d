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
	parts := statsParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		partMoments(e, m.Scratch[part*3*c:(part+1)*3*c], m.In[0][lo*c:hi*c])
	}
	return graph.Loop{Scratch: parts * 3 * c, Run: func() {
		e.Pool.Run(parts, body)
		joinMoments(m.Out, m.Scratch[:parts*3*c], rows, parts)
	}}
}

// partMoments fills a pivot near the mean of rows of x, the sums of distances from it, and those
// of their squares: s is 3×C.
func partMoments(e *graph.Env, s, x []float32) {
	c := len(s) / 3
	first := min(statsRows, len(x)/c)
	clear(s)
	e.Kernels.ColSum(s[:c], x[:first*c])
	e.Kernels.Scale(s[:c], 1/float32(first), s[:c])
	e.Kernels.ColMoments(s[c:2*c], s[2*c:], x, s[:c])
}

// joinMoments puts the moments of parts of rows together, in their order and in float64: to the
// squares within the parts it adds those between them (Chan, Golub & LeVeque 1983, eq. 2.1b).
func joinMoments(stats, parts []float32, rows, count int) {
	c := len(stats) / 2
	for j := range c {
		mean, within, between := 0.0, 0.0, 0.0
		for p := range count {
			n := partRows(rows, count, p)
			s := parts[p*3*c+j:]
			sum := float64(s[c])
			mean += n*float64(s[0]) + sum
			within += float64(s[2*c]) - sum*sum/n
		}
		mean /= float64(rows)
		for p := range count {
			n := partRows(rows, count, p)
			s := parts[p*3*c+j:]
			d := float64(s[0]) + float64(s[c])/n - mean
			between += n * d * d
		}
		stats[j], stats[c+j] = float32(mean), float32(max(0, within+between)/float64(rows))
	}
}

// partRows is the number of rows in a part.
func partRows(rows, parts, part int) float64 {
	lo, hi := kernels.Chunk(rows, parts, part)
	return float64(hi - lo)
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
