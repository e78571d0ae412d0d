package groups

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
)

// Cost is what a network takes.
type Cost struct {
	MACs   int64 `json:"macs"`   // multiply-adds of one image
	Params int64 `json:"params"` // values in the parameters

	// What shapes alone do not say: 0 where nobody asked.
	Latency int64 `json:"latency_ns,omitempty"`   // of one image
	Memory  int64 `json:"memory_bytes,omitempty"` // of the plan of one image: arena and weights
	Bytes   int64 `json:"file_bytes,omitempty"`   // of the model file
}

// CostOf is the cost of a graph.
func CostOf(g *graph.Graph) Cost {
	return Cost{MACs: g.MACs() / int64(max(1, g.Batch())), Params: int64(g.Params())}
}

// Costs is a function that gives the cost, as of measures it, of the graph that Cut would make. The leaves of
// its trial graphs share one stretch of zeros, so that of may look at shapes alone.
func (s *Structure) Costs(of func(*graph.Graph) (Cost, error)) func(remove map[int][]int) (Cost, error) {
	largest := 0
	for _, n := range s.Graph.Nodes {
		largest = max(largest, len(n.Value))
	}
	zeros := make([]float32, largest)
	return func(remove map[int][]int) (Cost, error) {
		g, err := s.sketch(remove, zeros)
		if err != nil {
			return Cost{}, err
		}
		return of(g)
	}
}

// sketch is the graph that Cut would make, with zeros for values.
func (s *Structure) sketch(remove map[int][]int, zeros []float32) (*graph.Graph, error) {
	c, err := newCutter(s.Graph, s, remove)
	if err != nil {
		return nil, err
	}
	out, _, err := graph.Map(s.Graph, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		return c.node(dst, n, in, func(keep [][]int) []float32 {
			return zeros[:remains(n.Shape, keep).Elems()]
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cut: %w", err)
	}
	return out, nil
}
