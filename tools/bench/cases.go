package bench

import "github.com/secateur/secateur/core/graph"

// Case is a kernel to measure. Make prepares it: its operands take memory.
type Case struct {
	Group, Name, Shape string
	Make               func(e graph.Env) (Work, error)
}

// Groups of Cases in their order.
const (
	GroupTile     = "tile in cache"
	GroupForward  = "product, forward"
	GroupGradient = "product, weight gradient"
	GroupLayers   = "layer"
	GroupVectors  = "vector"
)

// tileShape lies in the second-level cache, and what a tile reads of the weights in the first.
var tileShape = Shape{"tile", 96, 96, 256}

// Cases is every kernel that is measured.
func Cases() []Case {
	cs := []Case{{GroupTile, tileShape.Name, tileShape.String(), func(e graph.Env) (Work, error) { return Gemm(e, tileShape, false), nil }}}
	for _, s := range Shapes {
		cs = append(cs, Case{GroupForward, s.Name, s.String(), func(e graph.Env) (Work, error) { return Gemm(e, s, false), nil }})
	}
	for _, s := range Shapes {
		cs = append(cs, Case{GroupGradient, s.Name, s.String(), func(e graph.Env) (Work, error) { return WeightGradient(e, s), nil }})
	}
	for _, l := range layers {
		for pass, name := range []string{"forward", "input gradient", "weight gradient"} {
			cs = append(cs, Case{GroupLayers, l.String(), name, l.make(pass)})
		}
	}
	for i, v := range vectors {
		cs = append(cs, Case{GroupVectors, v.name, "", vectorCase(i)})
	}
	return cs
}
