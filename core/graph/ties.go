package graph

// Out is the Port of an End that means the node's own output.
const Out = -1

// End is one axis of one tensor at a node: its output or an input.
type End struct{ Port, Axis int }

// Tie says that indices along B move with indices along A: index j of B belongs with index Of[j]
// of A, or with none where Of[j] is -1. A nil Of means that both count alike.
//
// Removing index i of A removes every j of B with Of[j] = i, and the other way round.
type Tie struct {
	A, B End
	Of   []int
}

// Ties is what an op says of the channel axes it touches (reference: DepGraph, Fang et al.,
// CVPR 2023, §3, with index maps in place of equal indices). An axis neither tied nor locked is
// free: a convolution's output channels do not depend on its input channels.
type Ties struct {
	Links []Tie
	Locks []End
}

// Tied is an op whose channels may be pruned. An op that is not Tied locks all it touches.
type Tied interface {
	Ties(n *Node) Ties
}

// Cutter is an op whose attributes hold channel numbers. Cut returns the op for the tensors that
// remain; keep gives the sorted kept indices along an axis, nil where nothing was removed.
type Cutter interface {
	Cut(n *Node, keep func(End) []int) Op
}

// Same ties two axes index by index.
func Same(a, b End) Tie { return Tie{A: a, B: b} }

// Offset ties index j of b to index j-k of a, where a has n indices: concatenation.
func Offset(a, b End, k, n, total int) Tie {
	of := make([]int, total)
	for j := range of {
		of[j] = -1
		if j >= k && j < k+n {
			of[j] = j - k
		}
	}
	return Tie{A: a, B: b, Of: of}
}

// Block ties index j of b to index j/k of a: flattening, channel multipliers.
func Block(a, b End, k, total int) Tie {
	of := make([]int, total)
	for j := range of {
		of[j] = j / k
	}
	return Tie{A: a, B: b, Of: of}
}

// Modulo ties index j of b to index j%c of a: N×H×W×C flattened to N×(H·W·C).
func Modulo(a, b End, c, total int) Tie {
	of := make([]int, total)
	for j := range of {
		of[j] = j % c
	}
	return Tie{A: a, B: b, Of: of}
}
