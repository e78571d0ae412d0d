package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// operand is one input of an op.
type operand struct {
	shape tensor.Shape
	v     []float32
}

// runOn runs an op.
func runOn(t *testing.T, o graph.Op, in ...operand) []float32 {
	t.Helper()
	g := graph.New()
	var leaves []*graph.Node
	for i, x := range in {
		leaves = append(leaves, g.Leaf(fmt.Sprint("x", i), graph.Input, x.shape, nil))
	}
	g.Outputs = []*graph.Node{g.Add("y", o, leaves...)}
	p, err := plan.Compile(g, plan.Options{Env: toy.Env(t)})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range in {
		copy(p.Data(leaves[i].Name), x.v)
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(3, func() { p.Run() }); allocs > 0 {
		t.Errorf("%v allocations a run", allocs)
	}
	return slices.Clone(p.Data("y"))
}

// TestRegions: objects as they are; background of their sizes, inside the picture and off all objects; none beside an object
// that fills the picture.
func TestRegions(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	found := 0
	for range 20 {
		s := newLayout(rng, 10, 3, 4)
		y := runOn(t, Regions{Classes: 3, Height: 80, Width: 80}, operand{tensor.Shape{1, 4, TargetWidth}, s.targets})
		if !slices.Equal(y[:20], s.targets) {
			t.Fatalf("objects %v, want %v", y[:20], s.targets)
		}
		for k := range 4 {
			o, b := s.targets[k*TargetWidth:], y[20+k*TargetWidth:]
			if b[0] < 0 {
				continue
			}
			found++
			toy.Near(t, "width", float64(b[3]-b[1]), float64(o[3]-o[1]), 1e-4)
			toy.Near(t, "height", float64(b[4]-b[2]), float64(o[4]-o[2]), 1e-4)
			if o[0] < 0 || b[0] != 3 || b[1] < 0 || b[2] < 0 || b[3] > 80.001 || b[4] > 80.001 || mostOverlap(b[1:5], s.targets) >= mostOfObject {
				t.Errorf("background %v of object %v, overlap %v", b[:5], o[:5], mostOverlap(b[1:5], s.targets))
			}
		}
	}
	if found < 40 {
		t.Errorf("%d boxes on background", found)
	}
	if y := runOn(t, Regions{Classes: 3, Height: 80, Width: 80}, operand{tensor.Shape{1, 1, TargetWidth}, []float32{1, 0, 0, 80, 80}}); y[TargetWidth] != -1 {
		t.Errorf("background %v beside an object that fills the picture", y)
	}
}

func TestMatched(t *testing.T) {
	rows := operand{tensor.Shape{1, 2, op.AssignedWidth}, []float32{0.3, 1, 0, 0, 9, 9, 0, -1, 0, 0, 0, 0}}
	whole, half := operand{tensor.Shape{1, 2}, []float32{1, 1}}, operand{tensor.Shape{1, 2}, []float32{0.5, 1}}
	if y := runOn(t, Matched{Classes: 3}, rows, whole); !slices.Equal(y, []float32{0, 1, 0, 0, 0, 0}) {
		t.Errorf("classes %v", y)
	}
	if y := runOn(t, Matched{}, rows, whole); !slices.Equal(y, []float32{0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0}) {
		t.Errorf("boxes %v", y)
	}
	if y := runOn(t, Matched{Classes: 3}, rows, half); !slices.Equal(y, []float32{0, 0.5, 0, 0, 0, 0}) {
		t.Errorf("half of the first anchor: %v", y)
	}
}

// TestShare: of an image with two objects, the second given twice, every anchor is parted among them; the copy owns nothing, a
// whole image is all ones, and without an owned anchor nobody owns the background.
func TestShare(t *testing.T) {
	targets := []float32{0, 0, 0, 8, 8, 1, 9, 0, 20, 8, 1, 9, 0, 20, 8, -1, 0, 0, 0, 0}
	anchors := []float32{0.5, 0, 0, 0, 8, 8, 0, -1, 0, 0, 0, 0, 0.9, 1, 9, 0, 20, 8, 0.1, 1, 9, 0, 20, 8}
	shares := func(object float32, assigned []float32) []float32 {
		return runOn(t, Share{}, operand{tensor.Shape{1, 4, op.AssignedWidth}, assigned}, operand{tensor.Shape{1, 4, TargetWidth}, targets},
			operand{tensor.Shape{1}, []float32{object}})
	}
	for object, want := range map[float32][]float32{-1: {1, 1, 1, 1}, 0: {1, 1. / 3, 0, 0}, 1: {0, 2. / 3, 1, 1}, 2: {0, 0, 0, 0}} {
		if y := shares(object, anchors); !slices.Equal(y, want) {
			t.Errorf("object %v has %v of the anchors, want %v", object, y, want)
		}
	}
	if y := shares(0, make([]float32, 24)); !slices.Equal(y, []float32{0, 0, 0, 0}) {
		t.Errorf("an object without anchors has %v of them", y)
	}
	if _, err := (Share{}).Infer([]tensor.Shape{{2, 4, op.AssignedWidth}, {2, 3, TargetWidth}, {3}}); err == nil {
		t.Error("objects of three images are taken for those of two")
	}
}
