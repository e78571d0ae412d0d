package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Sums over the pixels of a batch, one a channel. The pixels are cut into at most 32 chunks with
// a sum of their own, and the chunks are added in order and in float64: the same bits on any
// number of threads, and short sums in float32.

// colChunks is the number of chunks for that many rows of c values.
func colChunks(rows, c int) int { return max(1, min(32, rows*c/2048, rows)) }

// colReduce adds chunk sums that lie one behind the other: out[j] = scale·Σ_p sums[p·c+j].
func colReduce(out, sums []float32, scale float64) {
	c := len(out)
	for j := range out {
		total := 0.0
		for i := j; i < len(sums); i += c {
			total += float64(sums[i])
		}
		out[j] = float32(total * scale)
	}
}

// BiasGrad is the sum of dy over all axes but the last.
//
//	db  C
//	dy  N×…×C
type BiasGrad struct{}

// Kind is BiasGrad.
func (BiasGrad) Kind() string { return "BiasGrad" }

// Infer is C.
func (BiasGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) < 2 {
		return nil, fmt.Errorf("inputs %v, want one gradient N×…×C", in)
	}
	return tensor.Shape{in[0].Channels()}, nil
}

// Lower sums chunks of rows.
func (BiasGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return colSums(e, n.In[0].Shape, m, 1)
}

// colSums is out = scale·Σ in[0] over rows.
func colSums(e *graph.Env, s tensor.Shape, m *graph.Mem, scale float64) graph.Loop {
	c, rows := s.Channels(), s.Rows()
	chunks := colChunks(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, chunks, part)
		sum := m.Scratch[part*c : (part+1)*c]
		clear(sum)
		e.Kernels.ColSum(sum, m.In[0][lo*c:hi*c])
	}
	return graph.Loop{Scratch: chunks * c, Run: func() {
		e.Pool.Run(chunks, body)
		colReduce(m.Out, m.Scratch[:chunks*c], scale)
	}}
}
