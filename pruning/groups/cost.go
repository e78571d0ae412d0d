package groups

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
)

// Cost is what a network takes.
type Cost struct {
	MACs   int64 `json:"macs"`   // multiply-adds of one image
	Params int64 `json:"params"` // values in the parameters
}

// CostOf is the cost of a graph.
func CostOf(g *graph.Graph) Cost {
	return Cost{MACs: g.MACs() / int64(max(1, g.Batch())), Params: int64(g.Params())}
}

// Costs is a function that gives the cost of the graph that Cut would make, found from shapes alone: the
// leaves of its trial graphs share one stretch of zeros.
func (s *Structure) Costs() func(remove map[int][]int) (Cost, error) {
	largest := 0
	for _, n := range s.Graph.Nodes {
		largest = max(largest, len(n.Value))
	}
	zeros := make([]float32, largest)
	return func(remove map[int][]int) (Cost, error) { return s.costAfter(remove, zeros) }
}

func (s *Structure) costAfter(remove map[int][]int, zeros []float32) (Cost, error) {
	c, err := newCutter(s.Graph, s, remove)
	if err != nil {
		return Cost{}, err
	}
	out, _, err := graph.Map(s.Graph, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		return c.node(dst, n, in, func(keep [][]int) []float32 {
			return zeros[:remains(n.Shape, keep).Elems()]
		})
	})
	if err != nil {
		return Cost{}, fmt.Errorf("cut: %w", err)
	}
	return CostOf(out), nil
}
