package detect

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/op"
)

// TestDecode: of overlapping boxes of one class the best stays, of another class all; equal scores by anchor and class;
// low scores and what is no number are left out.
func TestDecode(t *testing.T) {
	nan := float32(math.NaN())
	boxes := []float32{0, 0, 10, 10, 1, 0, 11, 10, 50, 50, 60, 60, 0, 0, 5, 5, 0, 0, 10, 10}
	logits := []float32{1, 1, 2, -9, 1, -9, nan, nan, -9, 0.5}
	got := Choice{Score: 0.5, IoU: 0.6, Most: 9}.Decode(logits, boxes)
	want := []Detection{{0, Score(2), 1, 0, 11, 10}, {1, Score(1), 0, 0, 10, 10}, {0, Score(1), 50, 50, 60, 60}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (Choice{Score: 0.5, IoU: 0.6, Most: 2}).Decode(logits, boxes); len(got) != 2 {
		t.Errorf("%d detections, want 2", len(got))
	}
}

// TestSuppress: nothing that is kept overlaps, and everything dropped overlaps something better that is kept.
func TestSuppress(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	c := Choice{Score: 0.1, IoU: 0.5, Most: 1000}
	var boxes, logits []float32
	for range 300 {
		x, y := 80*rng.Float32(), 80*rng.Float32()
		boxes = append(boxes, x, y, x+10+20*rng.Float32(), y+10+20*rng.Float32())
		logits = append(logits, rng.Float32(), rng.Float32()-0.5)
	}
	kept := c.Decode(logits, boxes)
	for i, a := range kept {
		for _, b := range kept[:i] {
			if b.Score < a.Score || a.Class == b.Class && op.IoU(a.edges(), b.edges()) > c.IoU {
				t.Fatalf("%v is kept beside %v", a, b)
			}
		}
	}
	for i, z := range logits {
		d := Detection{Class: i % 2, Score: Score(z), XMin: boxes[i/2*4], YMin: boxes[i/2*4+1], XMax: boxes[i/2*4+2], YMax: boxes[i/2*4+3]}
		found := false
		for _, k := range kept {
			found = found || k == d || k.Class == d.Class && k.Score >= d.Score && op.IoU(k.edges(), d.edges()) > c.IoU
		}
		if !found {
			t.Fatalf("%v is gone for nothing", d)
		}
	}
}
