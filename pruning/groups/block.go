package groups

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Block is a residual block, sum = skip + branch, where all that the branch sees of the images comes by way of the
// skip: with the branch gone the skip alone is the sum (reference: Practise, CVPR 2023, arXiv:2202.07861: with few
// images whole blocks are the better coin where time counts).
type Block struct {
	Name              string // of the sum
	Skip, Branch, Sum *graph.Node
	Inside            []*graph.Node // the branch's nodes in order, its last one included, leaves apart
	Locked            bool          // it cannot go
	Reason            string        // why
}

// Blocks are the sums of two branches of equal shape, in order; those without an identity skip, and
// those whose branch or sum others count on, are locked and say why.
func Blocks(g *graph.Graph) []*Block {
	users := g.Users()
	var all []*Block
	for _, n := range g.Nodes {
		if _, ok := n.Op.(op.Add); !ok || len(n.In) != 2 || n.In[0] == n.In[1] || !n.In[0].Shape.Equal(n.In[1].Shape) ||
			n.In[0].IsLeaf() || n.In[1].IsLeaf() {
			continue
		}
		b := blockOf(n)
		b.lock(g, users)
		all = append(all, b)
	}
	return all
}

// blockOf is the block of a sum with whichever input is the skip. One without an identity skip has nothing inside.
func blockOf(sum *graph.Node) *Block {
	b := &Block{Name: sum.Name, Sum: sum}
	for i, skip := range sum.In {
		if inside, closed := between(skip, sum.In[1-i]); closed && slices.ContainsFunc(inside, dense) {
			b.Skip, b.Branch, b.Inside = skip, sum.In[1-i], inside
			return b
		}
	}
	return b
}

// between is what lies from behind skip to branch, and whether the branch reads nothing else but leaves with values.
func between(skip, branch *graph.Node) (inside []*graph.Node, closed bool) {
	seen, reached := map[*graph.Node]bool{}, false
	closed = true
	var visit func(n *graph.Node)
	visit = func(n *graph.Node) {
		switch {
		case n == skip:
			reached = true
		case n.Is(graph.Input):
			closed = false
		case n.IsLeaf() || seen[n]:
		default:
			seen[n] = true
			inside = append(inside, n)
			for _, x := range n.In {
				visit(x)
			}
		}
	}
	visit(branch)
	slices.SortFunc(inside, func(a, b *graph.Node) int { return a.ID - b.ID })
	return inside, closed && reached
}

// lock says what keeps the block.
func (b *Block) lock(g *graph.Graph, users [][]*graph.Node) {
	if b.Inside == nil {
		b.Locked, b.Reason = true, "no identity skip: both branches compute"
		return
	}
	for _, n := range b.Inside {
		if slices.Contains(g.Outputs, n) {
			b.Locked, b.Reason = true, "graph output "+n.Name
		}
		for _, u := range users[n.ID] {
			if u != b.Sum && !slices.Contains(b.Inside, u) {
				b.Locked, b.Reason = true, fmt.Sprintf("%s %s reads %s, inside its branch", u.Op.Kind(), u.Name, n.Name)
			}
		}
	}
	for _, u := range users[b.Sum.ID] {
		if _, joins := u.Op.(op.Concat); joins {
			b.Locked, b.Reason = true, fmt.Sprintf("Concat %s reads its sum beside other features", u.Name)
		}
	}
	if slices.Contains(g.Outputs, b.Sum) {
		b.Locked, b.Reason = true, "graph output "+b.Name
	}
}

// Whole are the groups whose channels live inside the block alone: they go with it.
func (b *Block) Whole(s *Structure) []*Group {
	var list []*Group
	for _, g := range s.Groups {
		outside := slices.ContainsFunc(g.Units[0].Slices, func(x Slice) bool {
			return !x.Node.IsLeaf() && !slices.Contains(b.Inside, x.Node)
		})
		if !outside {
			list = append(list, g)
		}
	}
	return list
}

// Drop is g without the block's branch. Its sum becomes the skip plus a constant by channel, the mean of
// what the branch gave, so that those behind it see what they saw on average; nil adds nothing. What only the branch
// read goes with it; everything else keeps its name and shares its memory with g.
//
//	constant  C
func Drop(g *graph.Graph, b *Block, constant []float32) (*graph.Graph, error) {
	if b.Locked {
		return nil, fmt.Errorf("block %s stays: %s", b.Name, b.Reason)
	}
	if c := b.Sum.Shape.Channels(); constant != nil && len(constant) != c {
		return nil, fmt.Errorf("block %s: %d means of its branch, want %d", b.Name, len(constant), c)
	}
	users := g.Users()
	gone := map[*graph.Node]bool{}
	for _, n := range b.Inside {
		gone[n] = true
	}
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		switch {
		case gone[n], n.IsLeaf() && readBy(users[n.ID], gone):
			return nil, nil
		case n != b.Sum:
			return dst.Keep(n, in)
		}
		skip := in[slices.Index(n.In, b.Skip)]
		if constant == nil {
			return skip, nil
		}
		return dst.Try(n.Name, op.Add{}, skip, dst.Leaf(n.Name+".constant", graph.Param, tensor.Shape{len(constant)}, constant))
	})
	if err == nil {
		err = out.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", b.Name, err)
	}
	return out, nil
}

// readBy reports whether there are readers, all of them in a set.
func readBy(readers []*graph.Node, in map[*graph.Node]bool) bool {
	for _, u := range readers {
		if !in[u] {
			return false
		}
	}
	return len(readers) > 0
}
