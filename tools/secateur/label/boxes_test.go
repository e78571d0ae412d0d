package label

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/tools/secateur/line"
)

// boxDesk has the pictures of desk, boxes beside the first, and a golden set of one picture with boxes of two classes.
func boxDesk(t *testing.T) *Desk {
	t.Helper()
	d := desk(t)
	d.Detector, d.Classes, d.Golden = true, []string{"hole", "scratch"}, filepath.Join(t.TempDir(), "golden")
	found := line.Found{Boxes: []line.Box{{Box: eval.Box{Class: "scratch", Score: 0.61, XMin: 4.5, YMin: 6, XMax: 24, YMax: 20}},
		{Box: eval.Box{Class: "hole", Score: 0.4, XMin: 40, YMin: 30, XMax: 50, YMax: 40}}}}
	if err := found.Write(d.Pictures, waiting(t, d)[0]); err != nil {
		t.Fatal(err)
	}
	draw(t, filepath.Join(d.Golden, "1.png"), 222)
	table := "file,class,xmin,ymin,xmax,ymax\n1.png,hole,1,2,9,9\n1.png,scratch,20,20,30,40\n"
	if err := os.WriteFile(filepath.Join(d.Golden, boxesTable), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := accept.Seal(d.Golden, true); err != nil {
		t.Fatal(err)
	}
	return d
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	hole    = data.NamedBox{Class: "hole", XMin: 3, YMin: 4, XMax: 20.5, YMax: 30}
	scratch = data.NamedBox{Class: "scratch", XMin: 0, YMin: 0, XMax: 64, YMax: 48}
)

// TestGiveBoxes: a picture with boxes, and one without any, are what a training reads; undo brings the picture back with what was
// drawn, and the table is as it was.
func TestGiveBoxes(t *testing.T) {
	d := boxDesk(t)
	all := waiting(t, d)
	table := filepath.Join(d.Set, boxesTable)
	if err := d.Give(all[0], Label{Boxes: []data.NamedBox{hole, scratch}}); err != nil {
		t.Fatal(err)
	}
	before := text(t, table)
	if err := d.Give(all[1], Label{Boxes: []data.NamedBox{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(d.Pictures, line.FoundName(all[0]))); !os.IsNotExist(err) {
		t.Errorf("the boxes that were found stay: %v", err)
	}
	s, err := data.OpenBoxes(d.Set, data.Options{Classes: d.Classes, Test: -1})
	if err != nil || len(s.Train) != 2 || len(s.Skipped) > 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, x := range s.Train {
		if n := len(x.Boxes); n != 0 && (n != 2 || x.Boxes[0] != (data.Box{Class: 0, XMin: 3, YMin: 4, XMax: 20.5, YMax: 30})) {
			t.Errorf("%s has %v", x.Name, x.Boxes)
		}
	}
	if file, err := d.Undo(); err != nil || file != all[1] || text(t, table) != before {
		t.Errorf("%q, %v, table %s, want %s", file, err, text(t, table), before)
	}
	if file, err := d.Undo(); err != nil || file != all[0] || len(under(t, d.Set)) != 0 {
		t.Errorf("%q, %v, %q", file, err, under(t, d.Set))
	}
	f, err := d.Found(all[0])
	if err != nil || len(f.Boxes) != 2 || f.Boxes[0].Box != (eval.Box{Class: "hole", XMin: 3, YMin: 4, XMax: 20.5, YMax: 30}) {
		t.Errorf("after undo %+v, %v", f, err)
	}
	if got := waiting(t, d); !slices.Equal(got, all) {
		t.Errorf("%q wait, want %q", got, all)
	}
}

// TestBadBoxes: what could not be trained on is refused in a line that says what and where; nothing is written, nothing lost.
func TestBadBoxes(t *testing.T) {
	d := boxDesk(t)
	file := waiting(t, d)[0]
	with := func(change func(*data.NamedBox)) []data.NamedBox {
		b := hole
		change(&b)
		return []data.NamedBox{scratch, b}
	}
	for want, l := range map[string]Label{
		`box 2 of 2: box 3,4 to 64.5,30 leaves the picture of 64×48`:              {Boxes: with(func(b *data.NamedBox) { b.XMax = 64.5 })},
		`box 2 of 2: box -1,4 to 20.5,30 leaves the picture of 64×48`:             {Boxes: with(func(b *data.NamedBox) { b.XMin = -1 })},
		`box 2 of 2: box 3,4 to 3,30 is empty`:                                    {Boxes: with(func(b *data.NamedBox) { b.XMax = 3 })},
		`box 2 of 2: box 3,40 to 20.5,30 is empty`:                                {Boxes: with(func(b *data.NamedBox) { b.YMin = 40 })},
		`box 2 of 2: box NaN,4 to 20.5,30 is empty`:                               {Boxes: with(func(b *data.NamedBox) { b.XMin = math.NaN() })},
		`box 2 of 2: box 3,4 to 20.5,30: class "dent" is not among hole, scratch`: {Boxes: with(func(b *data.NamedBox) { b.Class = "dent" })},
		`no such label: the pictures get boxes, perhaps none`:                     {Class: "hole"},
		`no such label: 1001 boxes, want at most 1000`:                            {Boxes: make([]data.NamedBox, 1001)},
		`class "dent" is not among`:                                               {Boxes: with(func(b *data.NamedBox) { b.Class = "dent" }), Golden: true},
	} {
		if err := d.Give(file, l); !errors.Is(err, ErrLabel) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := os.Stat(d.Set); !os.IsNotExist(err) || len(waiting(t, d)) != 4 {
		t.Errorf("%v, %q", err, waiting(t, d))
	}
	if err := desk(t).Give(file, Label{Class: "bolt", Boxes: []data.NamedBox{}}); !errors.Is(err, ErrLabel) {
		t.Errorf("boxes for a classifier: %v", err)
	}
}

// TestGoldenBoxes: a picture with boxes judges at once, and after the set is sealed again; undo leaves set and table as they were.
func TestGoldenBoxes(t *testing.T) {
	d := boxDesk(t)
	files := []string{"golden.json", boxesTable}
	var before []string
	for _, f := range files {
		before = append(before, text(t, filepath.Join(d.Golden, f)))
	}
	golden := Label{Boxes: []data.NamedBox{hole}, Golden: true}
	if err := d.Give(waiting(t, d)[0], golden); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() (*accept.Golden, error){func() (*accept.Golden, error) { return accept.Open(d.Golden) },
		func() (*accept.Golden, error) { return accept.Seal(d.Golden, true) }} {
		g, err := open()
		if err != nil || len(g.Samples) != 2 || len(g.Samples[0].Boxes)+len(g.Samples[1].Boxes) != 3 {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	if _, err := d.Undo(); err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if got := text(t, filepath.Join(d.Golden, f)); got != before[i] {
			t.Errorf("%s after undo: %s, want %s", f, got, before[i])
		}
	}
	d.Classes = append(d.Classes, "dent")
	golden.Boxes = append(golden.Boxes, data.NamedBox{Class: "dent", XMax: 5, YMax: 5})
	if err := d.Give(waiting(t, d)[0], golden); !errors.Is(err, data.ErrUnusable) {
		t.Errorf("a class that the golden set has not: %v", err)
	}
	if g, err := accept.Open(d.Golden); err != nil || len(g.Samples) != 1 || len(waiting(t, d)) != 4 || text(t, filepath.Join(d.Golden, boxesTable)) != before[1] {
		t.Errorf("after a refusal: %v, %v, %q", g, err, waiting(t, d))
	}
}

// TestCutBoxes: a power cut leaves a picture in both places; what is drawn then is all that is said of it, wherever it goes.
func TestCutBoxes(t *testing.T) {
	for _, golden := range []bool{false, true} {
		d := boxDesk(t)
		file := waiting(t, d)[0]
		picture := text(t, filepath.Join(d.Pictures, file))
		if err := boxFolder(d.Set).put(unique(file, []byte(picture)), Label{Boxes: []data.NamedBox{hole, hole}}, []byte(picture)); err != nil {
			t.Fatal(err)
		}
		if err := d.Give(file, Label{Boxes: []data.NamedBox{scratch}, Golden: golden}); err != nil {
			t.Fatal(err)
		}
		table := text(t, filepath.Join(d.Set, boxesTable))
		if strings.Contains(table, "hole") || strings.Contains(table, "scratch") == golden || len(under(t, d.Set)) != map[bool]int{true: 0, false: 1}[golden] {
			t.Errorf("golden %v: table %s, pictures %q", golden, table, under(t, d.Set))
		}
	}
}

// TestBoxSets: the classes that a set has can be given; a set in another layout is left alone, and so is a golden set.
func TestBoxSets(t *testing.T) {
	d := boxDesk(t)
	for range 2 {
		if err := d.Init(); err != nil || !slices.Equal(d.Classes, []string{"hole", "scratch"}) {
			t.Errorf("%v, %q", err, d.Classes)
		}
		if err := d.Give(waiting(t, d)[0], Label{Boxes: []data.NamedBox{hole}}); err != nil {
			t.Fatal(err)
		}
	}
	table := filepath.Join(d.Set, boxesTable)
	if err := os.WriteFile(table, []byte(strings.ReplaceAll(text(t, table), "hole", "dent")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Init(); err != nil || !slices.Equal(d.Classes, []string{"hole", "scratch", "dent"}) {
		t.Errorf("%v, %q", err, d.Classes)
	}
	if err := errors.Join(os.Remove(table), os.Remove(filepath.Join(d.Golden, boxesTable))); err != nil {
		t.Fatal(err)
	}
	if err := d.Init(); err == nil || !strings.Contains(err.Error(), "holds no boxes.csv") {
		t.Errorf("a set without boxes.csv: %v", err)
	}
	if err := d.CheckGolden(); err == nil || !strings.Contains(err.Error(), "holds no boxes.csv") {
		t.Errorf("a golden set without boxes.csv: %v", err)
	}
}
