package score

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning/relevance"
)

// Suffixes of the nodes that hold one row an image of R and of the weights of Grad-CAM.
const (
	relevanceSuffix = ".relevance"
	saliencySuffix  = ".saliency"
)

// addRelevance adds R at the gates: the relevance of each channel, summed over its pixels, from all starts. The
// error names a gate that no relevance reaches.
func addRelevance(s *graph.Graph, gates []string, from []start) ([]string, error) {
	at := nodesOf(s, gates)
	parts := map[*graph.Node][]*graph.Node{}
	for _, f := range from {
		r, err := relevance.Propagate(s, f.at, f.relevance, at, relevance.Rules{})
		if err != nil {
			return nil, err
		}
		for a, part := range r {
			parts[a] = append(parts[a], part)
		}
	}
	var keep []string
	for _, a := range at {
		if len(parts[a]) == 0 {
			return nil, fmt.Errorf("no relevance reaches %s: what works on a gate gets none", a.Name)
		}
		r := parts[a][0]
		if len(parts[a]) > 1 {
			r = s.Add(a.Name+".r.all", op.AddN{}, parts[a]...)
		}
		keep = append(keep, s.Add(a.Name+relevanceSuffix, overPixels(r), r).Name)
	}
	return keep, nil
}

// overPixels is the op that sums N×…×C to N×1×…×C.
func overPixels(n *graph.Node) graph.Op {
	if len(n.Shape) == 2 {
		return op.Identity{}
	}
	var axes []int
	for i := 1; i < len(n.Shape)-1; i++ {
		axes = append(axes, i)
	}
	return op.SumTo{Axes: axes}
}

// nodesOf are the nodes of these names.
func nodesOf(g *graph.Graph, names []string) []*graph.Node {
	list := make([]*graph.Node, len(names))
	for i, name := range names {
		list[i] = g.Node(name)
	}
	return list
}
