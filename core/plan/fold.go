package plan

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Fold is g with batch normalization folded, but for what lies behind the nodes in keep, for those who add nodes of their
// own before they compile: a backward pass then goes through one convolution instead of two ops.
func Fold(g *graph.Graph, keep []string) (*graph.Graph, error) {
	c := &compiler{Options: Options{Fold: true, Keep: keep}, g: g}
	err := c.fold()
	return c.g, err
}

// fold replaces a convolution and the batch normalization behind it by one convolution whose
// weight and bias are nodes of their own: made from leaves alone, they run only when those change.
// Training is folded too: the gradients go through these nodes.
func (c *compiler) fold() error {
	if !c.Fold && c.Loss == "" {
		return nil
	}
	kept, users := c.kept(), c.g.Users()
	var err error
	c.g, _, err = graph.Map(c.g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		bn, ok := n.Op.(op.BatchNormalization)
		if !ok || len(users[n.In[0].ID]) != 1 || kept[n.In[0].Name] || !foldable(n) {
			return dst.Keep(n, in)
		}
		return c.foldConv(dst, n, in, bn.Eps)
	})
	return err
}

// kept are the names of the nodes that somebody wants to see.
func (c *compiler) kept() map[string]bool {
	kept := map[string]bool{}
	for _, name := range slices.Concat(c.Keep, c.Wrt, c.Gates) {
		kept[name] = true
	}
	for _, o := range c.g.Outputs {
		kept[o.Name] = true
	}
	return kept
}

// foldable reports whether the statistics are leaves and the input is a convolution or a Gemm.
func foldable(bn *graph.Node) bool {
	for _, s := range bn.In[1:] {
		if !s.IsLeaf() {
			return false
		}
	}
	switch bn.In[0].Op.(type) {
	case op.Conv, op.Depthwise, op.Gemm:
		return bn.In[0].In[1].IsLeaf()
	}
	return false
}

func (c *compiler) foldConv(dst *graph.Graph, n *graph.Node, in []*graph.Node, eps float32) (*graph.Node, error) {
	conv, gamma, beta, mean, variance := in[0], in[1], in[2], in[3], in[4]
	w, err := dst.Try(c.unused(n.Name+".w"), op.FoldWeight{Eps: eps}, conv.In[1], gamma, variance)
	if err != nil {
		return nil, err
	}
	stats := []*graph.Node{gamma, beta, mean, variance}
	if len(conv.In) == 3 {
		stats = append(stats, conv.In[2])
	}
	b, err := dst.Try(c.unused(n.Name+".b"), op.FoldBias{Eps: eps}, stats...)
	if err != nil {
		return nil, err
	}
	return dst.Try(n.Name, conv.Op, conv.In[0], w, b)
}
