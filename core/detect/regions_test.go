package detect

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// runOn runs an op on one input.
func runOn(t *testing.T, o graph.Op, s tensor.Shape, v []float32) []float32 {
	t.Helper()
	g := graph.New()
	g.Outputs = []*graph.Node{g.Add("y", o, g.Leaf("x", graph.Input, s, nil))}
	p, err := plan.Compile(g, plan.Options{Env: toy.Env(t)})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Data("x"), v)
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
		y := runOn(t, Regions{Classes: 3, Height: 80, Width: 80}, tensor.Shape{1, 4, TargetWidth}, s.targets)
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
	if y := runOn(t, Regions{Classes: 3, Height: 80, Width: 80}, tensor.Shape{1, 1, TargetWidth}, []float32{1, 0, 0, 80, 80}); y[TargetWidth] != -1 {
		t.Errorf("background %v beside an object that fills the picture", y)
	}
}

func TestMatched(t *testing.T) {
	rows := []float32{0.3, 1, 0, 0, 9, 9, 0, -1, 0, 0, 0, 0}
	s := tensor.Shape{1, 2, op.AssignedWidth}
	if y := runOn(t, Matched{Classes: 3}, s, rows); !slices.Equal(y, []float32{0, 1, 0, 0, 0, 0}) {
		t.Errorf("classes %v", y)
	}
	if y := runOn(t, Matched{}, s, rows); !slices.Equal(y, []float32{0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0}) {
		t.Errorf("boxes %v", y)
	}
}
