package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/explain"
)

// explained is an explanation of two layers with a card of every reason, and its pictures on disk.
func explained(t testing.TB) *explain.Explanation {
	t.Helper()
	dir, classes := t.TempDir(), []string{"bolt", "nut_<b>", "Unbreakable" + strings.Repeat("Long", 12)}
	var patches []explain.Patch
	for i := range 9 {
		path := filepath.Join(dir, fmt.Sprintf("%d.png", i%4))
		writePlain(t, path, uint8(40*i))
		patches = append(patches, explain.Patch{Image: filepath.Base(path), Path: path, Class: i % 3, Box: [4]float64{0.1, 0.2, 0.4, 0.5}, Value: 9 - float64(i)})
	}
	result := eval.Report{Images: 30, Accuracy: 0.9, Macro: 0.9, Loss: 0.3, MACs: 1e6, Params: 1000, Confusion: [][]int{{9, 1, 0}, {0, 10, 0}, {2, 0, 8}}}
	x := &explain.Explanation{Classes: classes, Phase: "done", Images: 9, JudgedOn: "training images", Before: result, After: result, Whole: []float64{1, 1, 0.5},
		Criteria: []explain.Criterion{{Name: "l1", Family: "magnitude"}, {Name: "mi", Family: "information"}}, Agreement: [][]float64{{1, -0.3}, {-0.3, 1}},
		Turns:   []explain.Turn{{MACs: 1e6, Accuracy: 0.9, Accepted: true}, {Turn: 1, MACs: 8e5, Accuracy: 0.88, Accepted: true, Removed: 7}, {Turn: 2, MACs: 7e5, Accuracy: 0.5, Reason: "too bad"}},
		Changed: []explain.Flip{{Name: "0.png", Path: patches[0].Path, Class: 0, Before: eval.Guess{Class: 0, Score: 0.6}, After: eval.Guess{Class: 1, Score: 0.7}}},
		Heats:   []explain.Heat{{Layer: "conv1", Filters: []int{3, 1}, Removed: []bool{true, false}, Share: [][]float64{{1, 0}, {0.2, 0.5}, {0, 1}}}},
		Notes:   []string{"a note"}}
	counts := map[explain.Reason]int{}
	for i, r := range explain.Reasons {
		counts[r] = 1
		x.Cards = append(x.Cards, explain.Card{Layer: "conv1", Filter: i, Removed: true, Turn: 1, Reason: r, Sentence: "sentence of " + string(r), Patches: patches,
			Pooled: [][]float64{{0.1, 0.2, 0.3}, {0.5, 0.6}, {0.9}}, Omega: 0.4, P: 0.015, Active: 0.2, Influence: 0.01, Cost: 0.02, Ranks: []float64{0.25, -1},
			Nearest: &explain.Nearest{Filter: 12, Correlation: -0.97, Residual: 0.01, Patches: patches[:3]},
			Without: &explain.Without{Loss: -0.01, P: 0.04, Accuracy: 0.8, PerClass: []float64{0.9, 1, 0.5}}})
	}
	x.Cards = append(x.Cards, explain.Card{Layer: strings.Repeat("conv", 20), Reason: explain.Useful, Sentence: "stays", Pooled: [][]float64{{0}, {0}, {0}}, Ranks: []float64{1, 1}})
	values, defects := make([]float64, 28*28), make(data.Region, data.RegionSide*data.RegionSide)
	values[0], defects[5] = 1, 1
	x.Relevance = &explain.Relevance{Images: 1, Before: 0.4, After: 0.35, Area: 0.1, Maps: []explain.Map{
		{Image: "0.png", Path: patches[0].Path, Before: values, After: values, InsideBefore: 0.4, InsideAfter: 0.35, Region: defects},
		{Image: "1.png", Path: patches[1].Path, Class: 1, Before: values, After: make([]float64, 28*28)}}}
	x.Layers = []explain.Layer{{Name: "conv1", Before: 16, After: 9, Reasons: counts}, {Name: "conv2", Before: 8, After: 8}}
	return x
}

func writePlain(t testing.TB, path string, shade uint8) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 24, 16))
	for i := range 24 * 16 {
		img.Set(i%24, i/24, color.RGBA{shade, uint8(10 * (i % 24)), 99, 255})
	}
	f, err := os.Create(path)
	if err == nil {
		defer f.Close()
		err = png.Encode(f, img)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func renderExplanation(t testing.TB, x *explain.Explanation) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteExplanation(&b, x, time.Unix(0, 0).UTC(), "a box"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExplanation: sentences, numbers and pictures are on the page, each picture once.
func TestExplanation(t *testing.T) {
	x := explained(t)
	page := renderExplanation(t, x)
	for _, c := range x.Cards {
		if !strings.Contains(page, c.Sentence) {
			t.Errorf("no %q", c.Sentence)
		}
	}
	for _, want := range []string{"7 of 24 filters were removed", "ω² 0.40, p 0.015", "bolt −10.0" + space + "points", "Nearest kept filter: 12, correlation -0.97", "rolled back: too bad",
		"1 broken, 0 mended, 0 wrong before and after", "a note", "r-source-only", "40.0" + space + "% of the relevance lay at them before pruning", "kept"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if n := strings.Count(page, "<image "); n != 4 {
		t.Errorf("%d pictures are embedded for the patches, want each of 4 once", n)
	}
	if n, want := strings.Count(page, "<use "), 7*(2*9+3); n != want {
		t.Errorf("%d pieces of pictures, want %d", n, want)
	}
	for _, bad := range []string{"<script", "nut_<b>", "NaN", "http://", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
}

// TestExplanationWithout: an image that is gone is an error that names it.
func TestExplanationWithout(t *testing.T) {
	x := explained(t)
	if err := os.Remove(x.Cards[0].Patches[1].Path); err != nil {
		t.Fatal(err)
	}
	if err := WriteExplanation(&bytes.Buffer{}, x, time.Now(), ""); err == nil || !strings.Contains(err.Error(), "1.png") {
		t.Errorf("error %v", err)
	}
}

// TestExplanationInBrowser: nothing is wider than a phone or a desk, every picture loads, the console stays empty.
func TestExplanationInBrowser(t *testing.T) {
	fits(t, renderExplanation(t, explained(t)), "0 of 5 pictures missing, 147 pieces shown")
}

// detected is an explanation of a detector: maps and changed pictures with boxes.
func detected(t testing.TB) *explain.Explanation {
	t.Helper()
	x := explained(t)
	x.Detector, x.Changed, x.Heats = true, nil, nil
	for _, r := range []*eval.Report{&x.Before, &x.After} {
		*r = eval.Report{Detector: true, Images: 30, Map50: 0.91, Map: 0.62, MACs: 1e6, Params: 1000,
			Objects: map[string]eval.ObjectReport{"bolt": {Objects: 40, AP50: 0.9, Recall: 0.85}, "nut_<b>": {Objects: 12, AP50: 0.92, Recall: 0.77}}}
	}
	for i := range x.Turns {
		x.Turns[i].Latency = 12 - float64(i)
	}
	for i := range x.Cards {
		x.Cards[i].Pooled = append(x.Cards[i].Pooled, []float64{0.05, 0.06})
		x.Cards[i].Between = [2]float64{0.31, 0.52}
		for k := range x.Cards[i].Patches {
			x.Cards[i].Patches[k].Class = k % 4
		}
	}
	box := func(class string, score, x0 float64) eval.Box {
		return eval.Box{Class: class, Score: score, XMin: x0, YMin: 2, XMax: x0 + 6, YMax: 12}
	}
	s := explain.Scene{Name: "2.png", Path: x.Cards[0].Patches[2].Path, Objects: []eval.Box{box("bolt", 0, 2), box("nut_<b>", 0, 14)},
		Before: []eval.Box{box("bolt", 0.93, 3), box("nut_<b>", 0.71, 13)}, After: []eval.Box{box("bolt", 0.88, 2), box("bolt", 0.4, 9)}, Lost: 1, Alarms: 1}
	x.Scenes = []explain.Scene{s}
	for i := range x.Relevance.Maps {
		x.Relevance.Maps[i].Scene = &s
	}
	return x
}

// TestExplanationOfDetector: average precisions, boxes and what changed are on the page; no accuracy is.
func TestExplanationOfDetector(t *testing.T) {
	page := renderExplanation(t, detected(t))
	for _, want := range []string{"AP@.5", "91.0" + space + "%", "Average precision by class", "recall 77.0" + space + "%", "ms for one picture", "11.0" + space + "ms",
		"1" + space + "object lost, 1" + space + "box more on nothing", "before: bolt 0.93, nut_&lt;b&gt; 0.71; after: bolt 0.88, bolt 0.40", "Mean activation by box",
		"0.31 to 0.52 on redrawn pictures", "lay inside their boxes before pruning", "background"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if n := strings.Count(page, `<g class="box `); n != 6*4 {
		t.Errorf("%d boxes, want four in each of six pictures", n)
	}
	for _, bad := range []string{"<script", "nut_<b>", "NaN", "http://", "ZgotmplZ", ">Accuracy<"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
}

// TestDetectorInBrowser: a detector's page fits a phone and a desk like a classifier's.
func TestDetectorInBrowser(t *testing.T) {
	fits(t, renderExplanation(t, detected(t)), "0 of 0 pictures missing, 149 pieces shown")
}

// TestTinted: orange where the relevance is, grey where there is none, blue around the defect.
func TestTinted(t *testing.T) {
	values, defects := make([]float64, 28*28), make(data.Region, data.RegionSide*data.RegionSide)
	values[0] = 1
	for y := 40; y < 50; y++ {
		for x := 40; x < 50; x++ {
			defects[y*data.RegionSide+x] = 1
		}
	}
	white := image.NewRGBA(image.Rect(0, 0, 112, 112))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	out := tinted(white, values, defects)
	for _, c := range []struct {
		x, y int
		want func(r, g, b uint32) bool
	}{
		{1, 1, func(r, g, b uint32) bool { return r > 2*b }},
		{60, 20, func(r, g, b uint32) bool { return r == g && g == b }},
		{80, 90, func(r, g, b uint32) bool { return b > 2*r }},
		{90, 90, func(r, g, b uint32) bool { return r == g && g == b }},
	} {
		if r, g, b, _ := out.At(c.x, c.y).RGBA(); !c.want(r, g, b) {
			t.Errorf("at %d, %d is %d %d %d", c.x, c.y, r>>8, g>>8, b>>8)
		}
	}
}
