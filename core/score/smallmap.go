package score

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// smallMap is an activation with its maps averaged down, over windows of one size, to at most op.MapRankSide pixels a side.
// Ranks and overlaps are taken from these: a 112×112 map would cost five hundred times the time of a 14×14 one.
func smallMap(g *graph.Graph, a *graph.Node) *graph.Node {
	if len(a.Shape) != 4 || max(a.Shape[1], a.Shape[2]) <= op.MapRankSide {
		return a
	}
	window := [2]int{(a.Shape[1] + op.MapRankSide - 1) / op.MapRankSide, (a.Shape[2] + op.MapRankSide - 1) / op.MapRankSide}
	return g.Add(a.Name+".small", op.AveragePool{Kernel: window, Stride: window, Ceil: true}, a)
}
