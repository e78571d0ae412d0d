package line

import (
	"fmt"
	"math"
	"testing"

	"github.com/secateur/secateur/core/eval"
)

func box(class string, score, x, y float64) eval.Box {
	return eval.Box{Class: class, Score: score, XMin: x - 5, YMin: y - 5, XMax: x + 5, YMax: y + 5}
}

// An L: the upper right quarter of 0 to 20 is outside.
var corner = Zone{Name: "l", Polygon: [][]float64{{0, 0}, {10, 0}, {10, 10}, {20, 10}, {20, 20}, {0, 20}}, Classes: []string{"hole"}, Score: 0.5}

func TestInside(t *testing.T) {
	for at, want := range map[[2]float64]bool{{5, 5}: true, {15, 5}: false, {15, 15}: true, {5, 15}: true, {25, 15}: false, {-1, 5}: false, {5, 21}: false} {
		if got := corner.inside(at[0], at[1]); got != want {
			t.Errorf("%v inside is %v", at, got)
		}
	}
	if !(Zone{}).inside(3, 3) {
		t.Error("a zone without a polygon is not everywhere")
	}
}

// TestDecideBoxes: class, score and zone reject; near the threshold a part is doubtful.
func TestDecideBoxes(t *testing.T) {
	rules := Rules{Score: 0.5, Zones: []Zone{corner}, Margin: 0.1, Doubtful: "pass"}
	for name, c := range map[string]struct {
		boxes         []eval.Box
		bad, doubtful bool
		class         string
		margin        float64
		shown         int
	}{
		"nothing":         {nil, false, false, "", 1, 0},
		"in the zone":     {[]eval.Box{box("hole", 0.9, 5, 5), box("screw", 0.8, 5, 5)}, true, false, "hole", 0.4, 2},
		"outside":         {[]eval.Box{box("hole", 0.9, 15, 5)}, false, false, "", 1, 1},
		"other class":     {[]eval.Box{box("screw", 0.9, 5, 5)}, false, false, "", 1, 1},
		"just too low":    {[]eval.Box{box("hole", 0.45, 5, 5)}, false, true, "hole", 0.05, 1},
		"just enough":     {[]eval.Box{box("hole", 0.55, 5, 5)}, false, true, "hole", 0.05, 1},
		"low beside high": {[]eval.Box{box("hole", 0.45, 5, 5), box("hole", 0.8, 5, 15)}, true, false, "hole", 0.3, 2},
		"far below":       {[]eval.Box{box("hole", 0.2, 5, 5)}, false, false, "hole", 0.3, 0},
	} {
		if c.boxes == nil {
			c.boxes = []eval.Box{}
		}
		v := rules.Decide(&eval.Prediction{Boxes: c.boxes})
		if v.Bad != c.bad || v.Doubtful != c.doubtful || v.Class != c.class || math.Abs(v.Margin-c.margin) > 1e-9 || len(v.Boxes) != c.shown {
			t.Errorf("%s: %+v", name, v)
		}
	}
	rules.Doubtful = "reject"
	if v := rules.Decide(&eval.Prediction{Boxes: []eval.Box{box("hole", 0.45, 5, 5)}}); !v.Bad {
		t.Error("a doubtful part passes")
	}
	if got := rules.LeastScore(0.7); math.Abs(got-0.4) > 1e-9 {
		t.Errorf("least score %v, want 0.4", got)
	}
	own := Rules{Zones: []Zone{{Name: "all", Classes: []string{"hole"}}}}
	if v := own.Decide(&eval.Prediction{Threshold: 0.7, Boxes: []eval.Box{box("hole", 0.72, 0, 0), box("hole", 0.65, 0, 0)}}); !v.Bad || len(v.Boxes) != 1 || math.Abs(v.Margin-0.02) > 1e-9 {
		t.Errorf("by the model's own threshold: %+v", v)
	}
	none := Rules{Margin: 0.1, Doubtful: "as-judged"} // nothing rejects; what is near the threshold is doubtful all the same
	if v := none.Decide(&eval.Prediction{Threshold: 0.5, Boxes: []eval.Box{box("hole", 0.45, 0, 0)}}); v.Bad || !v.Doubtful || v.Class != "hole" || len(v.Boxes) != 1 || v.Boxes[0].Reject {
		t.Errorf("without zones: %+v", v)
	}
	if v := none.Decide(&eval.Prediction{Threshold: 0.5, Boxes: []eval.Box{box("hole", 0.9, 0, 0)}}); v.Bad || v.Doubtful {
		t.Errorf("a sure box without zones: %+v", v)
	}
	if got := none.LeastScore(0.5); math.Abs(got-0.4) > 1e-9 {
		t.Errorf("least score without zones %v, want 0.4", got)
	}
	if v := rules.Decide(&eval.Prediction{Boxes: []eval.Box{box("hole", 0.9, 5, 5)}}); !v.Boxes[0].Reject || v.Boxes[0].Zone != "l" {
		t.Errorf("%+v", v.Boxes)
	}
}

// TestDetectorDrift: boxes that fade, and a picture that goes dark, are drift; more parts without objects are none.
func TestDetectorDrift(t *testing.T) {
	seen := func(score float64) Sign {
		return Rules{}.Decide(&eval.Prediction{Boxes: []eval.Box{}, Threshold: 0.5, Surest: "hole", SurestScore: score}).Sign
	}
	hole, empty := func(i int) Sign { return seen(0.8 + 0.001*float64(i*37%100)) }, func(i int) Sign { return seen(0.1 + 0.002*float64(i*37%100)) }
	scores := map[string][]float64{}
	for i := range 100 {
		for _, s := range []Sign{hole(i), empty(i)} {
			scores[s.Class] = append(scores[s.Class], s.Score)
		}
	}
	for _, c := range []struct {
		name  string
		part  func(i int) Sign
		drift bool
	}{
		{"holes alone", hole, false},
		{"no hole at all", empty, false},
		{"holes that fade", func(i int) Sign { return seen(0.6 + 0.001*float64(i*37%100)) }, true},
		{"holes that fade away", func(i int) Sign { return seen(0.4 + 0.0005*float64(i*37%100)) }, true},
		{"dark", func(int) Sign { return seen(0.01) }, true},
	} {
		d := &Drift{Limit: 0.25, Window: 100}
		d.Reset(1, NewReference(scores))
		for i := range 200 {
			d.Add(1, c.part(i))
		}
		if index, on := d.Value(); on != c.drift {
			t.Errorf("%s: index %v, alarm %v", c.name, index, on)
		}
	}
	if s := fmt.Sprint(hole(0), empty(0)); s != "{hole 0.8} { 0.1}" {
		t.Errorf("signs %s", s)
	}
}
