package data

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// voc is an XML file of objects, each name, xmin, ymin, xmax, ymax.
func voc(file string, w, h int, objects ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<annotation>\n<filename>%s</filename>\n<size><width>%d</width><height>%d</height></size>\n", file, w, h)
	for _, o := range objects {
		f := strings.Split(o, ",")
		fmt.Fprintf(&b, "<object><name>%s</name><bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax></bndbox>"+
			"<part><name>x</name><bndbox><xmin>7</xmin></bndbox></part></object>\n", f[0], f[1], f[2], f[3], f[4])
	}
	return b.String() + "</annotation>\n"
}

const laughs = `<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<annotation><filename>&lol2;</filename></annotation>`

// TestOpenVOC: pictures are 8×6. Pixels count from 1 and the last is part of the box.
func TestOpenVOC(t *testing.T) {
	s := opened(t, map[string]string{
		"JPEGImages/a.png": "", "Annotations/a.xml": voc("a.png", 8, 6, "cat,1,2,8,6", "dog,3,3,3,3"),
		"JPEGImages/b.png": "", "Annotations/b.xml": voc("b.png", 8, 6),
		"JPEGImages/c.png": "", "Annotations/c.xml": voc("c.png", 80, 60, "cat,1,1,9,9"),
		"JPEGImages/d.png": "", "Annotations/d.xml": voc("d.png", 8, 6, "cat,NaN,1,9,9", "cat,4,1,2,9"),
		"JPEGImages/e.png": "", "Annotations/e.xml": laughs,
		"JPEGImages/f.png": "", "Annotations/f.xml": strings.Repeat("<annotation>", 5000),
		"JPEGImages/g.png":         "",
		"JPEGImages/h.png":         "",
		"Annotations/h.xml":        "<note/>",
		"Annotations/gone.xml":     voc("gone.png", 8, 6, "cat,1,1,2,2"),
		"ImageSets/Main/train.txt": "a\nc\nd\n", "ImageSets/Main/val.txt": "b\n",
	}, Options{})
	same(t, "classes", s.Classes, []string{"cat", "dog"})
	same(t, "boxes", boxesByName(s), map[string][]Box{
		"JPEGImages/a.png": {{0, 0, 1, 8, 6}, {1, 2, 2, 3, 3}},
		"JPEGImages/b.png": {},
	})
	same(t, "parts", []int{len(s.Train), len(s.Val)}, []int{1, 1})
	for _, want := range []string{
		"c.png: has 8×6 pixels, its labels are of 80×60",
		`d.xml: line 4: xmin: "NaN" is no number of pixels`,
		"d.xml: line 5: box 3,0 to 2,9 is empty",
		"d.png: none of its 2 boxes can be used",
		"e.xml: line 2: declares entities",
		"f.xml: line 1: more than 16 elements inside each other",
		"g.png: no XML file g.xml",
		"h.xml: line 1: begins with <note>, want <annotation>",
		`gone.xml: no picture "gone.png", nor one called gone`,
	} {
		if !strings.Contains(reasons(s), want) {
			t.Errorf("skipped:\n%swant %q", reasons(s), want)
		}
	}
}

// TestOpenVOCIsTheTable: the annotations of NEU-DET and its boxes.csv have the same boxes, but for the corner that counts from 1.
func TestOpenVOCIsTheTable(t *testing.T) {
	real, err := filepath.Abs(sharedData(t, "neu-det"))
	must(t, err)
	dir := t.TempDir()
	for _, name := range []string{"images", "annotations", "split.csv"} {
		must(t, os.Symlink(filepath.Join(real, name), filepath.Join(dir, name)))
	}
	table, err := OpenBoxes(real, Options{HeaderOnly: true})
	must(t, err)
	files, err := OpenBoxes(dir, Options{HeaderOnly: true})
	must(t, err)
	same(t, "classes", files.Classes, table.Classes)
	want := boxesByName(table)
	for _, boxes := range want {
		for i := range boxes {
			boxes[i].XMin--
			boxes[i].YMin--
		}
	}
	same(t, "boxes", boxesByName(files), want)
}

func TestOpenCOCO(t *testing.T) {
	s := opened(t, map[string]string{
		"train/a.png": "", "train/b.png": "", "valid/c.png": "", "train/d.png": "",
		"notes.json": `{"a": 1}`,
		"train/_annotations.coco.json": `{
			"images": [{"id": 7, "file_name": "a.png", "width": 8, "height": 6}, {"id": 8, "file_name": "b.png"},
				{"id": 9, "file_name": "gone.png"}, {"id": 10, "file_name": "d.png"}],
			"categories": [{"id": 0, "name": "things"}, {"id": 3, "name": "screw"}, {"id": 1, "name": "hole"}],
			"annotations": [
				{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3.5, 2]},
				{"image_id": 7, "category_id": 3, "bbox": [0, 0, 8.25, 6]},
				{"image_id": 10, "category_id": 3, "bbox": [1, 1, 0, 2]},
				{"image_id": 7, "category_id": 5, "bbox": [0, 0, 8, 6]},
				{"image_id": 7, "category_id": 1, "bbox": [0, 0, 8, 6], "iscrowd": 1},
				{"image_id": 99, "category_id": 1, "bbox": [0, 0, 8, 6]},
				{"image_id": 7, "category_id": 1, "bbox": [0, 0, 8]}]}`,
		"valid/_annotations.coco.json": `{"images": [{"id": 1, "file_name": "c.png"}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1]}],
			"categories": [{"id": 1, "name": "hole"}]}`,
	}, Options{})
	same(t, "classes", s.Classes, []string{"screw", "hole"})
	same(t, "boxes", boxesByName(s), map[string][]Box{
		"train/a.png": {{1, 1, 2, 4.5, 4}, {0, 0, 0, 8, 6}},
		"train/b.png": {},
		"valid/c.png": {{1, 1, 1, 2, 2}},
	})
	same(t, "parts", []int{len(s.Train), len(s.Val)}, []int{2, 1})
	for _, want := range []string{
		`image 9: no picture "gone.png"`, `class "things" has no box`, "annotation 3: box 1,1 to 1,3 is empty",
		"d.png: none of its 1 boxes can be used", `annotation 4: category "5" is not listed`, "annotation 5: a crowd",
		"1 annotations of image 99", "annotation 7: bbox of 3 numbers",
	} {
		if !strings.Contains(reasons(s), want) {
			t.Errorf("skipped:\n%swant %q", reasons(s), want)
		}
	}
}

func TestOpenYOLO(t *testing.T) {
	s := opened(t, map[string]string{
		"data.yaml":          "path: .\ntrain: images/train\nnames:\n  0: hole\n  1: screw\n",
		"images/train/a.png": "", "labels/train/a.txt": "1 0.5 0.5 0.5 0.5\n\n0 0.25 0.5 0.5 1\n",
		"images/val/a.png": "", "labels/val/a.txt": "0 0 0 0.5 0 0.5 0.5 0 0.5\n",
		"images/train/b.png": "",
		"images/train/c.png": "", "labels/train/c.txt": "2 0.5 0.5 1 1\n0 NaN 0 1 1\n0 0.5 0.5\nx 1 1 1 1\n0 0.5 0.5 0 1\n",
		"labels/train/gone.txt": "0 0.5 0.5 1 1\n",
	}, Options{})
	same(t, "classes", s.Classes, []string{"hole", "screw"})
	same(t, "boxes", boxesByName(s), map[string][]Box{
		"images/train/a.png": {{1, 2, 1.5, 6, 4.5}, {0, 0, 0, 4, 6}},
		"images/train/b.png": {},
		"images/val/a.png":   {{0, 0, 0, 4, 3}},
	})
	for _, want := range []string{
		"c.txt: line 1: class 2 is not among the 2 named", `c.txt: line 2: "NaN" is no share`, "c.txt: line 3: 3 fields",
		`c.txt: line 4: "x" is no number of a class`, "c.txt: line 5: box 0.5,0 to 0.5,1 is empty",
		"c.png: none of its 5 boxes can be used", "gone.txt: no picture called gone",
	} {
		if !strings.Contains(reasons(s), want) {
			t.Errorf("skipped:\n%swant %q", reasons(s), want)
		}
	}
}

// TestYOLONames: a list, a map and lines.
func TestYOLONames(t *testing.T) {
	for text, want := range map[string][]string{
		"nc: 2\nnames: [hole, screw]\n": {"hole", "screw"},
		"names: {1: screw, 0: hole}\n":  {"hole", "screw"},
		"train: x\n":                    nil,
	} {
		got, err := parseYOLONames([]byte(text))
		must(t, err)
		same(t, text, got, want)
	}
	for _, text := range []string{"names: {0: a, 2: b}", "names: 7", "names: {x: y}", "\t", "a: &a [x]\nnames: {0: *b}"} {
		if _, err := parseYOLONames([]byte(text)); err == nil {
			t.Errorf("%q passed", text)
		}
	}
	s := opened(t, map[string]string{"a.png": "", "a.txt": "0 0.5 0.5 1 1\n", "classes.txt": "hole\n"}, Options{Test: -1})
	same(t, "classes", s.Classes, []string{"hole"})
}

// TestFormatsRefuse: what stops everything names the file and the line.
func TestFormatsRefuse(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"a.json: line 2: invalid character": {"a.png": "", "a.json": "{\"images\":\n[NaN]}"},
		"a.yaml: yaml: ":                    {"a.png": "", "labels/a.txt": "0 1 1 1 1", "a.yaml": "names: [a\n"},
	} {
		if _, err := OpenBoxes(tree(t, files), Options{}); err == nil || !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// sound reports whether boxes of a parser are such as OpenBoxes relies on.
func sound(t *testing.T, boxes []labelled) {
	for _, b := range boxes {
		if b.class == "" || b.where == "" || b.check() != nil || math.IsInf(b.xmax-b.xmin+b.ymax-b.ymin, 0) {
			t.Errorf("%+v passed", b)
		}
	}
}

func FuzzBoxTable(f *testing.F) {
	f.Add("file,class,xmin,ymin,xmax,ymax\na.png,hole,1,2,3,4\n")
	f.Add("\ufeffymax;xmax;ymin;xmin;class;file\n1;NaN;3;4;x;y\n")
	f.Add("file,class,xmin,ymin,xmax,ymax\na,b,1,2,3\n\"a\"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := parseBoxTable(strings.NewReader(text), boxesFile)
		if err != nil {
			return
		}
		for _, boxes := range table.boxes {
			for i := range boxes {
				boxes[i].class += "x" // may be empty here: OpenBoxes names it
			}
			sound(t, boxes)
		}
	})
}

func FuzzVOC(f *testing.F) {
	f.Add(voc("a.png", 8, 6, "cat,1,2,8,6"))
	f.Add(laughs)
	f.Add("<annotation><object/><object><name>a</name></annotation>")
	f.Fuzz(func(t *testing.T, text string) {
		v, _ := parseVOC(strings.NewReader(text), "a.xml")
		sound(t, v.boxes)
	})
}

func FuzzCOCO(f *testing.F) {
	f.Add(`{"images":[{"id":1,"file_name":"a.png"}],"annotations":[{"image_id":1,"category_id":"2","bbox":[1,2,3,4]}],"categories":[{"id":"2","name":"a"}]}`)
	f.Add(`{"images":[],"annotations":[{"bbox":[1e300,1,1e300,1]}],"categories":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCOCO([]byte(text))
		if err != nil || c == nil {
			return
		}
		l := new(boxListing)
		boxes, _ := l.annotations(item{}, c, l.categories(item{}, c))
		for _, b := range boxes {
			sound(t, b)
		}
	})
}

func FuzzYOLO(f *testing.F) {
	f.Add("0 0.5 0.5 1 1\n1 0 0 1 0 1 1\n", "names: [a, b]")
	f.Add("0 NaN 1e300 1 1\n", "names: {0: a}")
	f.Add("-1 1 1 1 1\n", "a: &a [*a]\nnames: *a")
	f.Fuzz(func(t *testing.T, text, names string) {
		classes, err := parseYOLONames([]byte(names))
		if err != nil {
			return
		}
		boxes, _ := parseYOLO([]byte(text), "a.txt", append(classes, "z"))
		for i := range boxes {
			boxes[i].class += "x"
		}
		sound(t, boxes)
	})
}
