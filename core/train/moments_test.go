package train

import (
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
)

// TestMomentsFollowTheCut: filter 1 of three goes; what the optimiser knows of the others stays
// with them, in memory of its own, and averages start again.
func TestMomentsFollowTheCut(t *testing.T) {
	change := &groups.Change{Leaves: map[string]groups.LeafChange{
		"conv.w": {From: []int{3, 1, 1, 2}, Keep: [][]int{{0, 2}, nil, nil, nil}},
	}}
	saved := map[string][]float32{
		"conv.w.m": {1, 2, 3, 4, 5, 6}, "conv.w.v": {6, 5, 4, 3, 2, 1}, "conv.w.ema": {0, 0, 0, 0, 0, 0}, "head.b.m": {7, 8},
		"gone with its block.m": {9},
	}
	net := graph.New()
	for _, name := range []string{"conv.w", "head.b"} {
		net.Leaf(name, graph.Param, tensor.Shape{2}, make([]float32, 2))
	}
	got := sliceMoments(&cut{net: net, change: change}, saved)
	want := map[string][]float32{"conv.w.m": {1, 2, 5, 6}, "conv.w.v": {6, 5, 2, 1}, "head.b.m": {7, 8}}
	if len(got) != len(want) {
		t.Errorf("%d arrays are left, want %d: %v", len(got), len(want), got)
	}
	for name, w := range want {
		if !slices.Equal(got[name], w) {
			t.Errorf("%s is %v, want %v", name, got[name], w)
		}
	}
	got["head.b.m"][0] = 0
	if saved["head.b.m"][0] != 7 {
		t.Error("a step after the cut changes the moments that a roll back returns to")
	}
}
