package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// recompute makes what batch normalizations give anew in the backward pass instead of keeping it
// since the forward pass: one pass over what is kept in any case, the input of the normalization,
// for half of the memory (Chen et al. 2016, arXiv:1604.06174). A residual that comes in on the way
// is kept too, or made anew first. So is the output of a convolution that takes a large share of the memory and a small
// one of the time: the first ones of a network, with few channels and many pixels.
func (c *compiler) recompute() error {
	if c.Loss == "" {
		return nil
	}
	seen, err := c.seen()
	if err != nil {
		return err
	}
	a := &anew{c: c, end: c.g.Node(c.Loss).ID, users: c.g.Users(), seen: seen,
		ins: map[*graph.Node][]*graph.Node{}, twin: map[*graph.Node]*graph.Node{}}
	a.large = a.largest()
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		a.ins[n] = in
		if n.ID > a.end {
			if in, err = a.inputs(dst, n); err != nil {
				return nil, err
			}
		}
		return dst.Keep(n, in)
	})
}

// anew makes the twins that the backward pass reads.
type anew struct {
	c     *compiler
	end   int // the last node of the forward pass
	users [][]*graph.Node
	seen  map[*graph.Node]bool
	ins   map[*graph.Node][]*graph.Node // by the node, inputs in the new graph
	twin  map[*graph.Node]*graph.Node   // by the node, in the new graph
	large map[*graph.Node]bool          // convolutions whose output is made anew
}

// A convolution is made anew where its output has at least largeShare of the floats that the backward pass reads of the
// forward pass, and its multiply-adds are at most cheapShare of those of the step, three times those of the forward pass.
const (
	largeShare = 1.0 / 10
	cheapShare = 1.0 / 40
)

// largest are the convolutions that are to be made anew.
func (a *anew) largest() map[*graph.Node]bool {
	floats, macs, large := 0, int64(0), map[*graph.Node]bool{}
	for _, n := range a.c.g.Nodes[:a.end+1] {
		if c, ok := n.Op.(graph.Counter); ok {
			macs += c.MACs(n)
		}
		if a.kept(n) && n.Value == nil && !a.can(n) {
			floats += n.Shape.Elems()
		}
	}
	for _, n := range a.c.g.Nodes[:a.end+1] {
		o, ok := n.Op.(op.Conv)
		if ok && a.kept(n) && !a.seen[n] && a.there(n.In[0]) && !a.residual(n) &&
			float64(n.Shape.Elems()) >= largeShare*float64(floats) && float64(o.MACs(n)) <= 3*cheapShare*float64(macs) {
			large[n] = true
		}
	}
	return large
}

// residual reports whether what is made of n is added to something further on: blocks behind it would want it long before the
// gradient of n does.
func (a *anew) residual(n *graph.Node) bool {
	for _, u := range a.users[n.ID] {
		for _, v := range a.users[u.ID] {
			if u.ID <= a.end && len(v.In) == 6 && v.In[5] == u {
				return true
			}
		}
	}
	return false
}

// inputs are those of n in the new graph, with the twins of what is not kept.
func (a *anew) inputs(dst *graph.Graph, n *graph.Node) ([]*graph.Node, error) {
	in := append([]*graph.Node{}, a.ins[n]...)
	for i, x := range n.In {
		if x.ID > a.end || !a.can(x) {
			continue
		}
		if a.twin[x] == nil {
			var err error
			if a.twin[x], err = a.again(dst, x); err != nil {
				return nil, err
			}
		}
		in[i] = a.twin[x]
	}
	return in, nil
}

// again makes a twin. What a pooling reads gets one for it alone, which is then made as it is read.
func (a *anew) again(dst *graph.Graph, x *graph.Node) (*graph.Node, error) {
	in := append([]*graph.Node{}, a.ins[x]...)
	var err error
	if _, pools := x.Op.(op.MaxPool); pools {
		in[0], err = a.again(dst, x.In[0])
	} else {
		in, err = a.inputs(dst, x)
	}
	if err != nil {
		return nil, err
	}
	return dst.Try(a.free(dst, x.Name+".again"), x.Op, in...)
}

// free is name, or a longer one that no node has, before or now.
func (a *anew) free(dst *graph.Graph, name string) string {
	for dst.Node(name) != nil || a.c.g.Node(name) != nil {
		name += "+"
	}
	return name
}

// can reports whether x is the output of a normalization that can be made from what is there in the
// backward pass, of a pooling that reads such a one as it makes it, or of a convolution whose output is large.
func (a *anew) can(x *graph.Node) bool {
	switch x.Op.(type) {
	case op.MaxPool:
		_, _, fuses := op.FuseInput(x.Op, x.In)
		return fuses && !a.seen[x] && a.can(x.In[0]) && !a.large[x.In[0].In[0]]
	case op.BatchNormClip, op.BatchNormTrain:
	default:
		return a.large[x]
	}
	return !a.seen[x] && a.there(x.In[0]) && (len(x.In) < 6 || a.there(x.In[5]))
}

// there reports whether the backward pass has x, kept or made anew.
func (a *anew) there(x *graph.Node) bool { return a.kept(x) || a.can(x) }

// kept reports whether the backward pass reads x.
func (a *anew) kept(x *graph.Node) bool {
	last := a.users[x.ID]
	return len(last) > 0 && last[len(last)-1].ID > a.end
}
