package data

import (
	"errors"
	"strings"
	"testing"
)

// opened opens a tree with boxes.
func opened(t *testing.T, files map[string]string, o Options) *Splits {
	t.Helper()
	s, err := OpenBoxes(tree(t, files), o)
	must(t, err)
	return s
}

// reasons is what was skipped, a line each.
func reasons(s *Splits) string {
	var b strings.Builder
	for _, x := range s.Skipped {
		b.WriteString(x.String() + "\n")
	}
	return b.String()
}

// boxesByName is the boxes of all samples.
func boxesByName(s *Splits) map[string][]Box {
	m := map[string][]Box{}
	for _, part := range [][]Sample{s.Train, s.Val, s.Test} {
		for _, x := range part {
			m[x.Name] = x.Boxes
		}
	}
	return m
}

// TestOpenBoxTable: pictures of the tree are 8×6. What is wrong is named with its line; what is right stays.
func TestOpenBoxTable(t *testing.T) {
	s := opened(t, map[string]string{
		"images/a.png": "", "images/b.png": "", "images/c.png": "", "images/d.png": "", "images/e.png": "",
		"split.csv": "file,split\na.png,train\nb.png,test\nc.png,train\nd.png,val\ne.png,train\n",
		"boxes.csv": "xmin,ymin,xmax,ymax,class,file\n" +
			"1,2,3.5,4,hole,a.png\n" +
			"5,1,12,5,screw,a.png\n" +
			"0,0,8,6,screw,b.png\n" +
			"4,4,4,5,screw,c.png\n" +
			",,,,,d.png\n" +
			"NaN,0,1,1,hole,b.png\n" +
			"90,90,99,99,hole,c.png\n" +
			"1,1,2,2,hole,gone.png\n" +
			"1,1,2,2,,b.png\n" +
			"1,2\n",
	}, Options{})
	same(t, "classes", s.Classes, []string{"hole", "screw"})
	same(t, "boxes", boxesByName(s), map[string][]Box{
		"images/a.png": {{0, 1, 2, 3.5, 4}, {1, 5, 1, 8, 5}},
		"images/b.png": {{1, 0, 0, 8, 6}},
		"images/d.png": {},
		"images/e.png": {},
	})
	same(t, "parts", []int{len(s.Train), len(s.Val), len(s.Test)}, []int{2, 1, 1})
	if s.Train[0].Class != 0 {
		t.Errorf("a.png counts as %s, want hole: there is one of it and two screws", s.Classes[s.Train[0].Class])
	}
	for _, want := range []string{
		"boxes.csv: line 5: box 4,4 to 4,5 is empty",
		`boxes.csv: line 7: "NaN" is no number of pixels`,
		"boxes.csv: line 11: 2 fields, want 6",
		"a.png: line 3 of boxes.csv: box 5,1 to 12,5 leaves the picture of 8×6, cut off",
		"c.png: line 8 of boxes.csv: box 90,90 to 99,99 lies outside the picture of 8×6",
		"c.png: none of its 2 boxes can be used",
		"boxes.csv: line 10: no class",
		"gone.png: no such file, named in boxes.csv",
	} {
		if !strings.Contains(reasons(s), want) {
			t.Errorf("skipped:\n%swant %q", reasons(s), want)
		}
	}
}

// TestOpenBoxesUnknownClass: a model's classes are not stretched by the data.
func TestOpenBoxesUnknownClass(t *testing.T) {
	files := map[string]string{"a.png": "", "boxes.csv": "file,class,xmin,ymin,xmax,ymax\na.png,screw,1,1,4,4\na.png,nut,1,1,4,4\n"}
	s := opened(t, files, Options{Classes: []string{"hole", "screw"}, Test: -1})
	same(t, "boxes", boxesByName(s), map[string][]Box{"a.png": {{1, 1, 1, 4, 4}}})
	if want := `line 3 of boxes.csv: class "nut" is not among hole, screw`; !strings.Contains(reasons(s), want) {
		t.Errorf("skipped %s, want %q", reasons(s), want)
	}
}

func TestOpenBoxesRefuses(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"no boxes, want boxes.csv (file, class, xmin, ymin, xmax, ymax)":                  {"a.png": ""},
		"boxes.csv: has the columns file, xmin, want file, class, xmin, ymin, xmax, ymax": {"a.png": "", "boxes.csv": "file,xmin\n"},
		"boxes.csv: has no column class":                                                  {"a.png": "", "boxes.csv": "file,xmin,ymin,xmax,ymax\na.png,1,1,2,2\n"},
		"no picture has a box":                                                            {"a.png": "", "boxes.csv": "file,class,xmin,ymin,xmax,ymax\na.png,,,,,\n"},
		`class "screw" has no box to train on`:                                            {"train/a.png": "", "test/b.png": "", "boxes.csv": "file,class,xmin,ymin,xmax,ymax\ntrain/a.png,hole,1,1,2,2\ntest/b.png,screw,1,1,2,2\n"},
		`split "x", want train, val or test`:                                              {"a.png": "", "split.csv": "file,split\na.png,x\n", "boxes.csv": "file,class,xmin,ymin,xmax,ymax\na.png,hole,1,1,2,2\n"},
	} {
		_, err := OpenBoxes(tree(t, files), Options{})
		if err == nil || !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestOpenBoxesReal: what the READMEs of the sets count.
func TestOpenBoxesReal(t *testing.T) {
	for name, want := range map[string]struct{ train, test, trainBoxes, testBoxes, classes int }{
		"screws":  {100, 45, 400, 180, 2},
		"neu-det": {1440, 360, 3335, 854, 6},
	} {
		s, err := OpenBoxes(sharedData(t, name), Options{HeaderOnly: true})
		must(t, err)
		count := func(part []Sample) (n int) {
			for _, x := range part {
				n += len(x.Boxes)
			}
			return n
		}
		got := []int{len(s.Train), len(s.Test), count(s.Train), count(s.Test), len(s.Classes)}
		same(t, name, got, []int{want.train, want.test, want.trainBoxes, want.testBoxes, want.classes})
		if len(s.Skipped) > 0 {
			t.Errorf("%s: skipped %s", name, reasons(s))
		}
	}
}
