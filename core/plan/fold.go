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
	ins := map[*graph.Node][]*graph.Node{} // of the convolutions that are no more, in the new graph
	var err error
	c.g, _, err = graph.Map(c.g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if u := users[n.ID]; len(u) == 1 && !kept[n.Name] && foldable(u[0]) && u[0].In[0] == n {
			ins[n] = in
			return nil, nil
		}
		if bn, ok := n.Op.(op.BatchNormalization); ok && ins[n.In[0]] != nil {
			return c.foldConv(dst, n, n.In[0].Op, ins[n.In[0]], in[1:], bn.Eps)
		}
		return dst.Keep(n, in)
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

// foldable reports whether bn is a batch normalization of which the statistics are leaves and the input is a convolution or
// a Gemm.
func foldable(bn *graph.Node) bool {
	if _, ok := bn.Op.(op.BatchNormalization); !ok {
		return false
	}
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

// foldConv is batch normalization n, its parameters being norm, and the convolution by op o of in in front of it.
func (c *compiler) foldConv(dst *graph.Graph, n *graph.Node, o graph.Op, in, norm []*graph.Node, eps float32) (*graph.Node, error) {
	w, err := dst.Try(c.unused(n.Name+".w"), op.FoldWeight{Eps: eps}, in[1], norm[0], norm[3])
	if err != nil {
		return nil, err
	}
	b, err := dst.Try(c.unused(n.Name+".b"), op.FoldBias{Eps: eps}, append(norm[:4:4], in[2:]...)...)
	if err != nil {
		return nil, err
	}
	return dst.Try(n.Name, o, in[0], w, b)
}
