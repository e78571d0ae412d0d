package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// shapeAt is the shape at a port of a node.
func shapeAt(n *graph.Node, port int) tensor.Shape {
	if port == graph.Out {
		return n.Shape
	}
	return n.In[port].Shape
}

// channelEnd is the last axis at a port: its channels.
func channelEnd(n *graph.Node, port int) graph.End {
	return graph.End{Port: port, Axis: len(shapeAt(n, port)) - 1}
}

// channelTies says that the output has the channels of input 0, index by index. A scalar has none.
func channelTies(n *graph.Node) graph.Ties {
	if len(n.Shape) == 0 {
		return graph.Ties{}
	}
	return graph.Ties{Links: []graph.Tie{graph.Same(channelEnd(n, 0), channelEnd(n, graph.Out))}}
}

// channelLocks says that the channels of input 0 and of the output stay as they are.
func channelLocks(n *graph.Node) graph.Ties {
	var t graph.Ties
	for _, port := range []int{0, graph.Out} {
		if len(shapeAt(n, port)) > 0 {
			t.Locks = append(t.Locks, channelEnd(n, port))
		}
	}
	return t
}

// renumber is the map of (output j reads input of[j]) after a cut: in and out are the kept
// indices, nil where all are.
func renumber(of, in, out []int) []int {
	at := map[int]int{}
	for i, x := range in {
		at[x] = i
	}
	if out == nil {
		out = upTo(len(of))
	}
	cut := make([]int, len(out))
	for i, j := range out {
		cut[i] = of[j]
		if in != nil {
			k, ok := at[of[j]]
			if !ok {
				panic(fmt.Errorf("channel %d is kept, but channel %d that it reads is not", j, of[j]))
			}
			cut[i] = k
		}
	}
	return cut
}

// upTo is 0..n-1.
func upTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}
