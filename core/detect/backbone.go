package detect

import (
	"strings"

	"github.com/secateur/secateur/core/graph"
)

// common marks, by ID, what the backbone of a detector is: what both outputs need and no head of ours added.
func common(g *graph.Graph) []bool {
	logits, boxes := g.Need(g.Outputs[0]), g.Need(g.Outputs[1])
	for i, n := range g.Nodes {
		logits[i] = logits[i] && boxes[i] && !strings.HasPrefix(n.Name, Prefix)
	}
	return logits
}

// Backbone is a detector without its head, ours or one that was imported: its outputs are what the head reads.
func Backbone(g *graph.Graph) (*graph.Graph, error) {
	in, read := common(g), make([]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, x := range n.In {
			read[x.ID] = read[x.ID] || !in[i] && in[x.ID] && !x.IsLeaf()
		}
	}
	var ends []*graph.Node
	for i, n := range g.Nodes {
		if read[i] {
			ends = append(ends, n)
		}
	}
	b, _, err := g.Sub(nil, ends)
	return b, err
}

// OwnParams marks the parameters of a detector's head.
func OwnParams(g *graph.Graph) map[*graph.Node]bool {
	in, own := common(g), map[*graph.Node]bool{}
	for _, n := range g.Role(graph.Param) {
		if !in[n.ID] {
			own[n] = true
		}
	}
	return own
}
