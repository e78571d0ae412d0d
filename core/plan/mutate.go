package plan

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
)

// mutateSoon moves each node that changes a leaf, and what reads such a node, behind the last other
// reader of that leaf and no further, keeping the order otherwise: an update that waits for nothing
// but its own gradient gives the memory of that back to the layers whose turn comes then.
func mutateSoon(steps []*graph.Node) []*graph.Node {
	late, made := behindChanges(steps), madeByUpdates(steps)
	turns := make([][]*graph.Node, len(steps)+1) // the first is before all that is not late
	at := map[*graph.Node]int{}                  // the turn of a node
	lastRead := map[*graph.Node]int{}            // the turn of the last reader of a leaf
	place := func(n *graph.Node, turn int) {
		at[n], turns[turn] = turn, append(turns[turn], n)
		for _, in := range n.In {
			o := ownerOf(in)
			lastRead[o] = max(lastRead[o], turn)
			if isPack(o) && made[o.In[0]] {
				lastRead[o.In[0]] = max(lastRead[o.In[0]], turn)
			}
		}
	}
	for i, n := range steps {
		if !late[n] {
			place(n, i+1)
		}
	}
	for _, n := range steps {
		if late[n] {
			place(n, soonest(n, at, lastRead))
		}
	}
	return slices.Concat(turns...)
}

// behindChanges marks what changes a leaf, and what depends on such a node.
func behindChanges(steps []*graph.Node) map[*graph.Node]bool {
	late := map[*graph.Node]bool{}
	for _, n := range steps {
		_, late[n] = n.Op.(graph.Mutator)
		for _, in := range n.In {
			late[n] = late[n] || late[in]
		}
	}
	return late
}

// madeByUpdates are the leaves whose updates make their gradients themselves: that takes memory, which their packed form may
// give back first.
func madeByUpdates(steps []*graph.Node) map[*graph.Node]bool {
	made := map[*graph.Node]bool{}
	for _, n := range steps {
		if _, ok := n.Op.(optim.ConvUpdate); ok {
			made[n.In[0]] = true
		}
	}
	return made
}

// soonest is the first turn in which all that n reads is there, and nobody is left who reads what n changes.
func soonest(n *graph.Node, at, lastRead map[*graph.Node]int) (turn int) {
	for _, in := range n.In {
		turn = max(turn, at[in])
	}
	if m, ok := n.Op.(graph.Mutator); ok {
		for _, i := range m.Mutates() {
			turn = max(turn, lastRead[ownerOf(n.In[i])])
		}
	}
	return turn
}

// checkMutators refuses what no order can make right: a node that reads a leaf after it was
// changed though not from the node that changes it, and a change of what is not a leaf.
func checkMutators(steps []*graph.Node) error {
	changedBy := map[*graph.Node]*graph.Node{}
	for _, n := range steps {
		for _, in := range n.In {
			if m := changedBy[ownerOf(in)]; m != nil {
				return fmt.Errorf("%s: reads %q after %s has changed it", n.Name, in.Name, m.Name)
			}
		}
		m, ok := n.Op.(graph.Mutator)
		if !ok {
			continue
		}
		for _, i := range m.Mutates() {
			o := ownerOf(n.In[i])
			if !o.IsLeaf() {
				return fmt.Errorf("%s: %s changes %q, want a leaf", n.Name, n.Op.Kind(), n.In[i].Name)
			}
			changedBy[o] = n
		}
	}
	return nil
}

// ownerOf is the node whose memory n is a view of. What a mutator returns counts as its own: it
// is the value after the change.
func ownerOf(n *graph.Node) *graph.Node {
	for {
		a, ok := n.Op.(graph.Aliaser)
		if _, changes := n.Op.(graph.Mutator); !ok || changes {
			return n
		}
		n = n.In[a.Alias()]
	}
}
