package graph_test

import (
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

func TestTieMaps(t *testing.T) {
	a, b := graph.End{Port: 0, Axis: 3}, graph.End{Port: graph.Out, Axis: 3}
	for _, c := range []struct {
		name string
		tie  graph.Tie
		of   []int
	}{
		{"same", graph.Same(a, b), nil},
		{"offset at the front", graph.Offset(a, b, 0, 2, 5), []int{0, 1, -1, -1, -1}},
		{"offset at the back", graph.Offset(a, b, 3, 2, 5), []int{-1, -1, -1, 0, 1}},
		{"block", graph.Block(a, b, 2, 6), []int{0, 0, 1, 1, 2, 2}},
		{"modulo", graph.Modulo(a, b, 2, 6), []int{0, 1, 0, 1, 0, 1}},
	} {
		if c.tie.A != a || c.tie.B != b || !slices.Equal(c.tie.Of, c.of) || (c.of == nil) != (c.tie.Of == nil) {
			t.Errorf("%s: %v of %v, want %v of %v", c.name, c.tie.B, c.tie.Of, b, c.of)
		}
	}
}

func TestRoleNames(t *testing.T) {
	want := map[graph.Role]string{graph.Input: "Input", graph.Param: "Param", graph.Const: "Const", graph.State: "State"}
	for r, name := range want {
		if r.String() != name || (graph.Leaf{Role: r}).Kind() != name {
			t.Errorf("role %d is %q, want %q", r, r, name)
		}
	}
}

func TestOpString(t *testing.T) {
	for want, o := range map[string]graph.Op{"Param": graph.Leaf{Role: graph.Param}, "Relu": op.Relu{}, "Concat{Axis:3}": op.Concat{Axis: 3}} {
		if got := graph.OpString(o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
