package train

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning/groups"
)

// cutPoint is where a network is parted into a frozen prefix and a suffix that trains: the last tensor that all that
// is behind it sees the images through, and with at least a third of the layers behind it.
func cutPoint(g *graph.Graph) (*graph.Node, error) {
	shown := dependsOnImages(g)
	lastUse := make([]int, len(g.Nodes))
	layers := 0
	for _, n := range g.Nodes {
		for _, in := range n.In {
			lastUse[in.ID] = n.ID
		}
		if layer(n) {
			layers++
		}
	}
	var best *graph.Node
	before, open := 0, -1 // layers so far, and the last reader of what came before
	for _, n := range g.Nodes {
		if !shown[n.ID] {
			continue
		}
		if layer(n) {
			before++
		}
		if open <= n.ID && before > 0 && 3*(layers-before) >= layers && len(n.Shape) == 4 {
			best = n
		}
		open = max(open, lastUse[n.ID])
	}
	if best == nil {
		return nil, fmt.Errorf("no single tensor parts this network in two with a third of its %d layers behind it: train another part than suffix", layers)
	}
	return best, nil
}

// layer reports whether n has a weight of its own that mixes or filters.
func layer(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.Conv, op.Depthwise, op.Gemm:
		return true
	}
	return false
}

// dependsOnImages marks, by ID, what is made from inputs.
func dependsOnImages(g *graph.Graph) []bool {
	marks := make([]bool, len(g.Nodes))
	for _, n := range g.Nodes {
		marks[n.ID] = n.Is(graph.Input)
		for _, in := range n.In {
			marks[n.ID] = marks[n.ID] || marks[in.ID]
		}
	}
	return marks
}

// prefix and suffix are the two parts of the network as it stands; they share its weights.
func (j *job) prefix() (*graph.Graph, error) {
	g, _, err := j.net.Sub(nil, []*graph.Node{j.net.Node(j.pos.Cut)})
	return g, err
}

func (j *job) suffix() (*graph.Graph, error) {
	g, _, err := j.net.Sub([]*graph.Node{j.net.Node(j.pos.Cut)}, j.net.Outputs)
	return g, err
}

// side is where a group's channels live.
type side int

const (
	across side = iota // on both sides of the cut, or at it
	inPrefix
	inSuffix
)

func sideOf(g *groups.Group, cut *graph.Node) side {
	before, behind := true, true
	for _, s := range g.Units[0].Slices {
		if !s.Node.IsLeaf() {
			before = before && s.Node.ID < cut.ID
			behind = behind && s.Node.ID > cut.ID
		}
	}
	switch {
	case before:
		return inPrefix
	case behind:
		return inSuffix
	}
	return across
}

// prefixShare is the prefix's part of the network's multiply-adds.
func (j *job) prefixShare() (float64, error) {
	p, err := j.prefix()
	if err != nil {
		return 0, err
	}
	return float64(p.MACs()) / float64(max(1, j.net.MACs())), nil
}
