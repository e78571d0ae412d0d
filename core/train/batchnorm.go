package train

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// trainNorm is g with every batch normalization on the statistics of the batch, and its running
// statistics following them with the given momentum (PyTorch's train mode; the running variance
// is the unbiased one).
func trainNorm(g *graph.Graph, momentum float32) (*graph.Graph, error) {
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		bn, ok := n.Op.(op.BatchNormalization)
		if !ok {
			return dst.Keep(n, in)
		}
		mean, err := dst.Try(n.Name+".mean", op.BatchMean{}, in[0])
		if err != nil {
			return nil, err
		}
		variance := dst.Add(n.Name+".var", op.BatchVar{}, in[0], mean)
		y, err := dst.Try(n.Name, op.BatchNormTrain(bn), in[0], in[1], in[2], mean, variance)
		if err != nil {
			return nil, err
		}
		rows := float32(n.Shape.Rows())
		dst.Add(n.Name+".mean.follow", op.RunningUpdate{Momentum: momentum}, in[3], mean)
		dst.Add(n.Name+".var.follow", op.RunningUpdate{Momentum: momentum, Unbias: rows / max(rows-1, 1)}, in[4], variance)
		return y, nil
	})
	return out, err
}

// normalizes reports whether a network has batch normalization.
func normalizes(g *graph.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n *graph.Node) bool {
		_, ok := n.Op.(op.BatchNormalization)
		return ok
	})
}
