package plan

import (
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// TestClippedInput: a Clip of what others read too is not stored where one loop alone reads it, and ends the loop in front
// of it where nobody else reads that.
func TestClippedInput(t *testing.T) {
	build := func(reader graph.Op, shape []int, shared bool) *builder {
		b := newBuilder()
		x := b.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 4}, nil)
		a := b.Add("a", op.Conv{}, x, b.param("a.w", 8, 1, 1, 4))
		clip := b.Add("clip", op.Clip{Min: 0.1, Max: 0.5}, a)
		b.Outputs = []*graph.Node{b.Add("y", reader, clip, b.param("w", shape...))}
		if shared {
			b.Outputs = append(b.Outputs, b.Add("other", op.Tanh{}, a))
		}
		return b
	}
	depthwise, dense := []int{8, 3, 3, 1}, []int{5, 1, 1, 8}
	for _, c := range []struct {
		what   string
		reader graph.Op
		shape  []int
		shared bool
		kind   string
	}{
		{"depthwise", op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, depthwise, true, "Clip+Depthwise"},
		{"dense", op.Conv{}, dense, true, "Clip+Conv"},
		{"alone", op.Depthwise{}, depthwise, false, "Conv+Clip"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := build(c.reader, c.shape, c.shared)
			p := compile(t, b.Graph, Options{})
			if p.kinds(c.kind) != 1 {
				t.Errorf("%d loops %s, want 1", p.kinds(c.kind), c.kind)
			}
			apart := compile(t, b.Graph, Options{Keep: []string{"a", "clip"}})
			for _, q := range []*Plan{p, apart} {
				feed(q, 1)
				run(t, q)
			}
			wantClose(t, "y", p.Data("y"), apart.Data("y"), 0)
		})
	}
}
