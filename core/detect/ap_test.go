package detect

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/secateur/secateur/core/data"
)

// scene is one case of testdata/ap.json. A box is class, xmin, ymin, xmax, ymax; a detection has its score behind.
type scene struct {
	Classes int
	Truth   [][][5]float32
	Found   [][][6]float32
	Map     float64
	Map50   float64
	AP      []float64
	AP50    []float64
}

func (s scene) pictures() (truth [][]data.Box, found [][]Detection) {
	for i, boxes := range s.Truth {
		var t []data.Box
		for _, b := range boxes {
			t = append(t, data.Box{Class: int(b[0]), XMin: b[1], YMin: b[2], XMax: b[3], YMax: b[4]})
		}
		var f []Detection
		for _, d := range s.Found[i] {
			f = append(f, Detection{int(d[0]), d[5], d[1], d[2], d[3], d[4]})
		}
		truth, found = append(truth, t), append(found, f)
	}
	return truth, found
}

func scenes(t *testing.T) []scene {
	b, err := os.ReadFile("testdata/ap.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scene
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEvaluateIsCOCOs: pycocotools on the same detections, with ties of scores and overlaps, classes without objects or
// detections, and more detections than count.
func TestEvaluateIsCOCOs(t *testing.T) {
	for i, s := range scenes(t) {
		truth, found := s.pictures()
		r := Evaluate(truth, found, s.Classes, 0)
		near := func(what string, got, want float64) {
			t.Helper()
			if !(math.Abs(got-want) <= 1e-6) {
				t.Errorf("scene %d: %s is %v, pycocotools has %v", i, what, got, want)
			}
		}
		near("map", r.Map, s.Map)
		near("map50", r.Map50, s.Map50)
		for c, k := range r.PerClass {
			near(fmt.Sprintf("ap of %d", c), k.AP, s.AP[c])
			near(fmt.Sprintf("ap50 of %d", c), k.AP50, s.AP50[c])
		}
	}
}

// TestOperatingPoint by hand: two objects of class 0, one of class 1. At 0.8 two of two detections are right (F1 4/5),
// at 0.5 two of four (4/7). Between the two nothing lies: the threshold is midway.
func TestOperatingPoint(t *testing.T) {
	at := func(x float32) data.Box { return data.Box{XMin: x, YMin: 0, XMax: x + 10, YMax: 10} }
	on := func(class int, score, x float32) Detection { return Detection{class, score, x, 0, x + 10, 10} }
	b := at(100)
	b.Class = 1
	truth := [][]data.Box{{at(0), at(50)}, {b}}
	found := [][]Detection{{on(0, 0.9, 1), on(0, 0.5, 1), on(0, 0.5, 80)}, {on(1, 0.8, 99)}}
	for _, c := range []struct {
		asked, threshold, precision, recall float64
		zero                                ClassAP // of class 0
	}{
		{0, 0.65, 1, 2.0 / 3, ClassAP{Precision: 1, Recall: 0.5}},
		{0.85, 0.85, 1, 1.0 / 3, ClassAP{Precision: 1, Recall: 0.5}},
		{0.5, 0.5, 0.5, 2.0 / 3, ClassAP{Precision: 1.0 / 3, Recall: 0.5}},
		{0.95, 0.95, 0, 0, ClassAP{}},
	} {
		r := Evaluate(truth, found, 2, c.asked)
		for what, v := range map[string][2]float64{"threshold": {r.Threshold, c.threshold}, "precision": {r.Precision, c.precision}, "recall": {r.Recall, c.recall},
			"precision of 0": {r.PerClass[0].Precision, c.zero.Precision}, "recall of 0": {r.PerClass[0].Recall, c.zero.Recall}} {
			if math.Abs(v[0]-v[1]) > 1e-7 {
				t.Errorf("asked for %v: %s %v, want %v", c.asked, what, v[0], v[1])
			}
		}
	}
	if r := Evaluate(truth, [][]Detection{nil, nil}, 2, 0); r.Threshold != 0 || r.Map != 0 || r.Recall != 0 {
		t.Errorf("of nothing: %+v", r)
	}
}
