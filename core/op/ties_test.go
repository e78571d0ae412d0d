package op

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
)

// TestRandomCuts cuts every op of the registry at random, as its ties say, and compares the cut
// op on the cut tensors with what is kept of the uncut output.
func TestRandomCuts(t *testing.T) {
	for _, c := range registryCases() {
		if _, tied := c.op.(graph.Tied); !tied || c.noCut {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			in := randomIn(c.in, c.gradOpts)
			g, n := oneNode(t, c.op, in)
			rng := rand.New(rand.NewPCG(5, 6))
			cuts, ties := 0, c.op.(graph.Tied).Ties(n)
			checkEnds(t, n, ties)
			for range 40 {
				if gone := randomCut(rng, n, ties); gone != nil {
					compareCut(t, g, n, in, gone)
					cuts++
				}
			}
			if cuts == 0 && wide(n, ties) {
				t.Errorf("no channel could be cut with ties %v", ties)
			}
		})
	}
}

// checkEnds holds that ties name axes that exist, and maps that fit.
func checkEnds(t *testing.T, n *graph.Node, ties graph.Ties) {
	ends := slices.Clone(ties.Locks)
	for _, l := range ties.Links {
		ends = append(ends, l.A, l.B)
		if l.Of == nil && axisLen(n, l.A) != axisLen(n, l.B) {
			t.Fatalf("tie %v of %d and %d channels without a map", l, axisLen(n, l.A), axisLen(n, l.B))
		}
		if l.Of != nil && (len(l.Of) != axisLen(n, l.B) || slices.Max(l.Of) >= axisLen(n, l.A)) {
			t.Fatalf("tie %v of %d and %d channels", l, axisLen(n, l.A), axisLen(n, l.B))
		}
	}
	for _, e := range ends {
		if e.Port >= len(n.In) || e.Axis < 0 || e.Axis >= len(shapeAt(n, e.Port)) {
			t.Fatalf("%v is no axis of %v", e, n.Op.Kind())
		}
	}
}

// wide reports whether some tie has channels to spare.
func wide(n *graph.Node, ties graph.Ties) bool {
	return slices.ContainsFunc(ties.Links, func(l graph.Tie) bool { return axisLen(n, l.A) > 2 && axisLen(n, l.B) > 2 })
}

// randomCut is what goes at each end when some random channels do, nil if a lock or an empty
// axis forbids it.
func randomCut(rng *rand.Rand, n *graph.Node, ties graph.Ties) map[graph.End][]bool {
	if len(ties.Links) == 0 {
		return nil
	}
	gone := map[graph.End][]bool{}
	for range 1 + rng.IntN(2) {
		l := ties.Links[rng.IntN(len(ties.Links))]
		end := []graph.End{l.A, l.B}[rng.IntN(2)]
		if gone[end] == nil {
			gone[end] = make([]bool, axisLen(n, end))
		}
		for range 1 + rng.IntN(max(1, axisLen(n, end)/3)) {
			gone[end][rng.IntN(len(gone[end]))] = true
		}
	}
	spread(n, ties, gone)
	for e, cut := range gone {
		if !slices.Contains(cut, false) || slices.Contains(ties.Locks, e) && slices.Contains(cut, true) {
			return nil
		}
	}
	return gone
}

// compareCut runs the op with what goes set to zero, and the cut op on what stays.
func compareCut(t *testing.T, g *graph.Graph, n *graph.Node, in []value, gone map[graph.End][]bool) {
	t.Helper()
	full, small := slices.Clone(in), slices.Clone(in)
	for e, cut := range gone {
		if e.Port == graph.Out {
			continue
		}
		full[e.Port].v = blank(full[e.Port], e.Axis, cut)
		small[e.Port] = take(small[e.Port], e.Axis, kept(cut))
	}
	op := n.Op
	if c, ok := op.(graph.Cutter); ok {
		op = c.Cut(n, func(e graph.End) []int {
			if !slices.Contains(gone[e], true) {
				return nil
			}
			return kept(gone[e])
		})
	}
	want := value{n.Shape, quickRun(t, n.Op, full)}
	for e, cut := range gone {
		if e.Port == graph.Out {
			want = take(want, e.Axis, kept(cut))
		}
	}
	_, y := oneNode(t, op, small)
	if !y.Shape.Equal(want.shape) {
		t.Fatalf("%s after the cut: shape %v, want %v", graph.OpString(op), y.Shape, want.shape)
	}
	wantClose(t, graph.OpString(op)+" after the cut", quickRun(t, op, small), want.v, 1e-5)
}

// kept is the indices that stay.
func kept(gone []bool) []int {
	var k []int
	for j, c := range gone {
		if !c {
			k = append(k, j)
		}
	}
	return k
}

// TestTies holds what the links and locks are where a cut alone would not tell.
func TestTies(t *testing.T) {
	x, out := graph.End{Port: 0, Axis: 3}, graph.End{Port: graph.Out, Axis: 3}
	for _, c := range []struct {
		name string
		op   graph.Tied
		in   []int
		want graph.Ties
	}{
		{"flatten", Reshape{[]int{12}}, []int{1, 2, 3, 2}, graph.Ties{Links: []graph.Tie{
			{A: x, B: graph.End{Port: graph.Out, Axis: 1}, Of: []int{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}}}}},
		{"channels leave the last axis", Reshape{[]int{12, 1}}, []int{1, 2, 3, 2}, graph.Ties{
			Locks: []graph.End{x, {Port: graph.Out, Axis: 2}}}},
		{"mean over channels", ReduceMean{3, true}, []int{1, 2, 3, 2}, graph.Ties{Locks: []graph.End{x, out}}},
		{"channels turned into pixels", Transpose{[]int{0, 3, 1, 2}}, []int{1, 2, 3, 2}, graph.Ties{Locks: []graph.End{x, out}}},
		{"padded channels", Pad{Channels: [2]int{1, 2}}, []int{1, 2, 3, 2}, graph.Ties{Links: []graph.Tie{
			{A: x, B: out, Of: []int{-1, 0, 1, -1, -1}}}}},
		{"slice", Slice{3, 1, 2, 2}, []int{1, 1, 1, 4}, graph.Ties{Links: []graph.Tie{{A: x, B: out, Of: []int{1, 3}}}}},
		{"shuffle", Gather{[]int{2, 0, 1}}, []int{1, 1, 1, 3}, graph.Ties{Links: []graph.Tie{{A: x, B: out, Of: []int{2, 0, 1}}}}},
	} {
		g := graph.New()
		n := g.Add("y", c.op.(graph.Op), g.Leaf("x", graph.Input, c.in, nil))
		if got := c.op.Ties(n); !sameTies(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func sameTies(a, b graph.Ties) bool {
	return slices.Equal(a.Locks, b.Locks) && slices.EqualFunc(a.Links, b.Links, func(x, y graph.Tie) bool {
		return x.A == y.A && x.B == y.B && slices.Equal(x.Of, y.Of)
	})
}

// TestUntied holds that ops whose outputs mix channels say nothing, which locks them.
func TestUntied(t *testing.T) {
	for _, op := range []graph.Op{Softmax{}, LogSoftmax{}, LRN{}, Rearrange{}} {
		if _, tied := op.(graph.Tied); tied {
			t.Errorf("%s has ties", op.Kind())
		}
	}
}
