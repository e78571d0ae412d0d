package plan

import (
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// TestEarlyFirst: the places of maxima are made behind the input of the pool, though their node
// was added by the gradient.
func TestEarlyFirst(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 4, 4, 2}, nil)
	relu := g.Add("relu", op.Relu{}, x)
	pool := g.Add("pool", op.MaxPool{Kernel: [2]int{2, 2}}, relu)
	sum := g.Add("sum", op.Sum{}, pool)
	index := g.Add("index", op.MaxPoolIndex{Kernel: [2]int{2, 2}}, relu)
	ofLeaf := g.Add("index of a leaf", op.MaxPoolIndex{Kernel: [2]int{2, 2}}, x)
	got := earlyFirst([]*graph.Node{relu, pool, sum, index, ofLeaf})
	if want := []*graph.Node{relu, index, pool, sum, ofLeaf}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}
