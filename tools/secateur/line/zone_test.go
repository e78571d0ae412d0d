package line

import (
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
	if v := rules.Decide(&eval.Prediction{Boxes: []eval.Box{box("hole", 0.9, 5, 5)}}); !v.Boxes[0].Reject || v.Boxes[0].Zone != "l" {
		t.Errorf("%+v", v.Boxes)
	}
}
