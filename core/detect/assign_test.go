package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// layout is one image's worth of inputs of Assign on a grid of anchors 8 pixels apart.
type layout struct{ logits, boxes, centres, targets []float32 }

func newLayout(rng *rand.Rand, side, classes, objects int) layout {
	var s layout
	for y := range side {
		for x := range side {
			cx, cy := float32(8*x+4), float32(8*y+4)
			s.centres = append(s.centres, cx, cy, cx, cy)
			s.boxes = append(s.boxes, cx-20*rng.Float32(), cy-20*rng.Float32(), cx+20*rng.Float32(), cy+20*rng.Float32())
			for range classes {
				s.logits = append(s.logits, 4*rng.Float32()-2)
			}
		}
	}
	edge := float32(8 * side)
	for range objects {
		x, y, c := edge*rng.Float32(), edge*rng.Float32(), float32(rng.IntN(classes+1)-1)
		s.targets = append(s.targets, c, x, y, min(x+2+40*rng.Float32(), edge), min(y+2+40*rng.Float32(), edge))
	}
	return s
}

// runAssign runs the op in a plan.
func runAssign(t *testing.T, e graph.Env, a Assign, scenes ...layout) []float32 {
	t.Helper()
	g := graph.New()
	n, anchors := len(scenes), len(scenes[0].boxes)/4
	classes := len(scenes[0].logits) / anchors
	z, b := g.Leaf("z", graph.Input, tensor.Shape{n, anchors, classes}, nil), g.Leaf("b", graph.Input, tensor.Shape{n, anchors, 4}, nil)
	c := g.Leaf("c", graph.Const, tensor.Shape{1, anchors, 4}, scenes[0].centres)
	o := g.Leaf("t", graph.Input, tensor.Shape{n, len(scenes[0].targets) / TargetWidth, TargetWidth}, nil)
	g.Outputs = []*graph.Node{g.Add("y", a, z, b, c, o)}
	p, err := plan.Compile(g, plan.Options{Env: e})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scenes {
		for name, v := range map[string][]float32{"z": s.logits, "b": s.boxes, "t": s.targets} {
			copy(p.Data(name)[i*len(v):], v)
		}
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(3, func() { p.Run() }); allocs > 0 {
		t.Errorf("%v allocations a run", allocs)
	}
	return slices.Clone(p.Data("y"))
}

// naive is the assignment of one image by sorting everything.
func naive(a Assign, s layout) []float32 {
	anchors := len(s.boxes) / 4
	classes := len(s.logits) / anchors
	type pair struct {
		object, anchor int
		t, u           float64
	}
	owner := map[int]pair{}
	for m := range len(s.targets) / TargetWidth {
		o := s.targets[m*TargetWidth:][:TargetWidth]
		if o[0] < 0 {
			continue
		}
		var inside, all []pair
		far := func(k int) float64 {
			return math.Hypot(float64(s.centres[4*k]-(o[1]+o[3])/2), float64(s.centres[4*k+1]-(o[2]+o[4])/2))
		}
		for k := range anchors {
			x, y := s.centres[4*k], s.centres[4*k+1]
			u := op.IoU(s.boxes[4*k:4*k+4], o[1:])
			p := pair{m, k, math.Pow(float64(Score(s.logits[k*classes+int(o[0])])), a.Alpha) * math.Pow(u, a.Beta), u}
			all = append(all, p)
			if o[1] < x && x < o[3] && o[2] < y && y < o[4] {
				inside = append(inside, p)
			}
		}
		if inside == nil {
			inside = []pair{slices.MinFunc(all, func(p, q pair) int { return int(math.Copysign(1, far(p.anchor)-far(q.anchor))) })}
		}
		slices.SortStableFunc(inside, func(p, q pair) int { return int(math.Copysign(1, q.t-p.t)) })
		for _, p := range inside[:min(a.TopK, len(inside))] {
			if had, ok := owner[p.anchor]; p.t > 0 && (!ok || p.u > had.u) {
				owner[p.anchor] = p
			}
		}
	}
	topT, topU := map[int]float64{}, map[int]float64{}
	for _, p := range owner {
		topT[p.object], topU[p.object] = max(topT[p.object], p.t), max(topU[p.object], p.u)
	}
	var y []float32
	for k := range anchors {
		p, ok := owner[k]
		if !ok {
			y = append(y, 0, -1, 0, 0, 0, 0)
			continue
		}
		y = append(y, float32(p.t/topT[p.object]*topU[p.object]))
		y = append(y, s.targets[p.object*TargetWidth:][:TargetWidth]...)
	}
	return y
}

// TestAssign compares with the plain calculation, image by image of a batch and for any number of threads.
func TestAssign(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 20 {
		var scenes []layout
		var want []float32
		a := Assign{TopK: 1 + rng.IntN(13), Alpha: 1, Beta: 6}
		for range 3 {
			s := newLayout(rng, 6, 3, 5)
			scenes, want = append(scenes, s), append(want, naive(a, s)...)
		}
		got := runAssign(t, toy.Env(t), a, scenes...)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("anchor %d, value %d is %v, want %v", i/6, i%6, got[i], want[i])
			}
		}
	}
}

// TestAssignByHand: the better box is the object's, the quality is its IoU; a small object between centres is the
// nearest anchor's; rows without an object and classes that the network lacks give nothing.
func TestAssignByHand(t *testing.T) {
	s := layout{
		logits:  []float32{0, 0, 0, 0},
		boxes:   []float32{0, 0, 8, 8, 6, 0, 16, 8, 0, 8, 8, 16, 8, 8, 16, 16},
		centres: []float32{4, 4, 4, 4, 12, 4, 12, 4, 4, 12, 4, 12, 12, 12, 12, 12},
		targets: []float32{0, 0, 0, 16, 8, 0, 9, 9, 11, 11, -1, 0, 0, 16, 16, 7, 0, 0, 16, 16},
	}
	got := runAssign(t, toy.Env(t), Assign{TopK: 1, Alpha: 1, Beta: 6}, s)
	want := []float32{0, -1, 0, 0, 0, 0,
		10. / 16, 0, 0, 0, 16, 8,
		0, -1, 0, 0, 0, 0,
		4. / 64, 0, 9, 9, 11, 11}
	for i := range want {
		toy.Near(t, "assigned", float64(got[i]), float64(want[i]), 1e-6)
	}
}

func TestAssignRefuses(t *testing.T) {
	z, b, c, o := tensor.Shape{2, 9, 3}, tensor.Shape{2, 9, 4}, tensor.Shape{1, 9, 4}, tensor.Shape{2, 5, TargetWidth}
	if _, err := Aligned().Infer([]tensor.Shape{z, b, c, o}); err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string][]tensor.Shape{"no targets": {z, b, c}, "boxes of 5": {z, {2, 9, 5}, c, o}, "a centre an image": {z, b, {2, 9, 4}, o},
		"flat logits": {{2, 27}, b, c, o}, "targets of 4": {z, b, c, {2, 5, 4}}} {
		if _, err := Aligned().Infer(in); err == nil {
			t.Errorf("%s are taken", what)
		}
	}
	if _, err := (Assign{}).Infer([]tensor.Shape{z, b, c, o}); err == nil {
		t.Error("the top 0 are taken")
	}
}

func TestTaught(t *testing.T) {
	row, box := make([]float32, op.AssignedWidth), []float32{1, 2, 3, 4}
	Taught{Least: 0.5}.anchor(row, []float32{-1, 2, 1}, box)
	if row[1] != 1 || row[0] != Score(2) || !slices.Equal(row[2:], box) {
		t.Errorf("%v", row)
	}
	Taught{Least: 0.9}.anchor(row, []float32{-1, 2, 1}, box)
	if !slices.Equal(row, []float32{0, -1, 0, 0, 0, 0}) {
		t.Errorf("an uncertain anchor teaches %v", row)
	}
}
