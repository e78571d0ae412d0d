package data

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// boxListing is what a layout with boxes holds before any picture was opened. What it names as parts may be empty.
type boxListing struct {
	format  string // for errors
	items   []item
	classes []string // in the layout's order; nil where it has none but those of the boxes
	skipped []Skip
}

func (l *boxListing) skip(path, format string, args ...any) {
	l.skipped = append(l.skipped, Skip{path, fmt.Sprintf(format, args...)})
}

// boxLayouts are tried in order; the first that does not return fs.ErrNotExist is it.
var boxLayouts = []func(*folder) (*boxListing, error){listBoxTable, listCOCO, listVOC, listYOLO}

// OpenBoxes finds the pictures with boxes below dir, in the first of these layouts that is there:
//
//	boxes.csv     columns file, class, xmin, ymin, xmax, ymax in any order, edges as Box has them; files lie below
//	              DIR or DIR/images; a line with a file alone is a picture without objects
//	COCO          JSON files with images, annotations and categories (cocodataset.org/#format-data)
//	Pascal VOC    an XML file for each picture, edges in pixels that count from 1, the last ones included
//	YOLO          a .txt file for each picture, class, centre and size as shares of the picture's; the names of the
//	              classes in data.yaml, classes.txt, labels.txt or obj.names; no file is a picture without objects
//
// Parts are those of split.csv or labels.csv (columns file and split, perhaps group), of the layout (ImageSets/Main,
// names of JSON files), or of a folder called like one in the picture's path; else pictures are split by content.
// Classes are in the order of labels.txt or classes.txt, of the layout, else by name. Boxes that leave the picture
// are cut off and named; empty ones and those of unknown classes are named and left out, and so is the picture if it
// has no other. Errors match ErrUnusable.
func OpenBoxes(dir string, o Options) (*Splits, error) {
	f, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	l, err := f.list()
	if err != nil {
		return nil, err
	}
	if err := f.findParts(l); err != nil {
		return nil, err
	}
	good, bad := check(l.items, o)
	l.skipped = append(l.skipped, bad...)
	classes, err := boxClasses(dir, l, good, o)
	if err != nil {
		return nil, err
	}
	s := &Splits{Classes: classes, Skipped: l.skipped}
	good = s.label(good)
	if len(good) == 0 {
		return nil, unusable("%s: no usable picture with boxes (%s)%s", dir, l.format, firstOf(s.Skipped))
	}
	s.place(good, o)
	return s, s.demandBoxes(dir, o)
}

// list finds the layout.
func (f *folder) list() (*boxListing, error) {
	for _, layout := range boxLayouts {
		l, err := layout(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, unusable("%w", err)
		}
		return l, nil
	}
	doubt := ""
	if len(f.doubts) > 0 {
		doubt = fmt.Sprintf(" (%s)", f.doubts[0])
	}
	return nil, unusable("%s: no boxes, want boxes.csv (file, class, xmin, ymin, xmax, ymax), COCO's JSON, Pascal VOC's XML or YOLO's .txt files%s", f.dir, doubt)
}

// boxClasses is the classes in the order of the model, a file of names, the layout, or their names.
func boxClasses(dir string, l *boxListing, items []item, o Options) ([]string, error) {
	if o.Classes != nil {
		return o.Classes, nil
	}
	order, _, err := labelFile(dir)
	if err != nil {
		return nil, err
	}
	if order == nil {
		order = l.classes
	}
	found := map[string]bool{}
	for _, it := range items {
		for _, b := range it.boxes {
			found[b.class] = true
		}
	}
	if order == nil {
		return sortedNames(found), nil
	}
	var used []string
	for _, c := range order {
		switch {
		case slices.Contains(used, c):
			return nil, unusable("%s: the class %q stands twice among those of the %s", dir, c, l.format)
		case found[c]:
			used = append(used, c)
		default:
			l.skip(dir, "class %q has no box", c)
		}
	}
	return used, nil
}

func sortedNames(set map[string]bool) []string {
	var names []string
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// label gives the pictures their boxes, cut to the picture, and their class; it returns those to be used.
func (s *Splits) label(items []item) []item {
	count := make([]int, len(s.Classes))
	good := items[:0]
	for _, it := range items {
		if it.stated.X > 0 && it.stated.Y > 0 && it.stated != it.size {
			s.Skipped = append(s.Skipped, Skip{it.Path, fmt.Sprintf("has %d×%d pixels, its labels are of %d×%d", it.size.X, it.size.Y, it.stated.X, it.stated.Y)})
			continue
		}
		if it.Boxes = s.boxesOf(&it); len(it.Boxes) == 0 && len(it.boxes)+it.bad > 0 {
			s.Skipped = append(s.Skipped, Skip{it.Path, fmt.Sprintf("none of its %d boxes can be used", len(it.boxes)+it.bad)})
			continue
		}
		for _, b := range it.Boxes {
			count[b.Class]++
		}
		good = append(good, it)
	}
	for i := range good {
		good[i].class = s.rarest(good[i].Boxes, count)
	}
	return good
}

// rarest is the name of the class that has the fewest boxes in all, of those in a picture, "" without boxes.
func (s *Splits) rarest(boxes []Box, count []int) string {
	if len(boxes) == 0 {
		return ""
	}
	b := slices.MinFunc(boxes, func(a, b Box) int { return cmp.Or(cmp.Compare(count[a.Class], count[b.Class]), a.Class-b.Class) })
	return s.Classes[b.Class]
}

// boxesOf is the usable boxes of one picture, never nil. It names the others.
func (s *Splits) boxesOf(it *item) []Box {
	boxes := []Box{}
	say := func(b labelled, format string, args ...any) {
		s.Skipped = append(s.Skipped, Skip{it.Path, b.where + ": " + fmt.Sprintf(format, args...)})
	}
	for _, b := range it.boxes {
		if it.shares {
			b = b.times(float64(it.size.X), float64(it.size.Y))
		}
		class := slices.Index(s.Classes, b.class)
		if class < 0 {
			say(b, "class %q is not among %s", b.class, firstNames(s.Classes))
			continue
		}
		whole := b.box(class)
		cut := whole.Clip(0, 0, float32(it.size.X), float32(it.size.Y))
		if cut.Area() <= 0 {
			say(b, "box %s lies outside the picture of %d×%d", b, it.size.X, it.size.Y)
			continue
		}
		if err := b.leaves(it.size); err != nil {
			say(b, "%s, cut off", err)
		}
		boxes = append(boxes, cut)
	}
	return boxes
}

// firstNames is some classes for an error.
func firstNames(classes []string) string {
	const most = 8
	if len(classes) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(classes[:most], ", "), len(classes)-most)
	}
	return strings.Join(classes, ", ")
}

func (b labelled) box(class int) Box {
	return Box{class, float32(b.xmin), float32(b.ymin), float32(b.xmax), float32(b.ymax)}
}

func (b labelled) times(w, h float64) labelled {
	b.xmin, b.xmax, b.ymin, b.ymax = b.xmin*w, b.xmax*w, b.ymin*h, b.ymax*h
	return b
}

// leaves is an error if b reaches out of a picture by half a pixel or more.
func (b labelled) leaves(size image.Point) error {
	const slack = 0.5
	if b.xmin <= -slack || b.ymin <= -slack || b.xmax >= float64(size.X)+slack || b.ymax >= float64(size.Y)+slack {
		return fmt.Errorf("box %s leaves the picture of %d×%d", b, size.X, size.Y)
	}
	return nil
}

// demandBoxes refuses data without a box, and a class that has one in another part but none to train on.
func (s *Splits) demandBoxes(dir string, o Options) error {
	if len(s.Classes) == 0 {
		return unusable("%s: no picture has a box%s", dir, firstOf(s.Skipped))
	}
	if o.Classes != nil || len(s.Train) == 0 {
		return nil
	}
	for c, n := range Labels(s.Train, len(s.Classes)) {
		if n == 0 {
			return unusable("%s: class %q has no box to train on%s", dir, s.Classes[c], firstOf(s.Skipped))
		}
	}
	return nil
}

// listBoxTable lists what boxes.csv has, and the pictures of a table of parts that it does not name: those have no objects.
func listBoxTable(f *folder) (*boxListing, error) {
	t, err := readBoxTable(f.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.dir, boxesFile), bare(err))
	}
	if t.plain {
		return nil, fmt.Errorf("%s: has no column class", filepath.Join(f.dir, boxesFile))
	}
	l := &boxListing{format: boxesFile, skipped: t.skipped}
	used := map[string]bool{}
	for _, file := range t.files {
		p, ok := f.find(file)
		switch {
		case !ok:
			l.skip(filepath.Join(f.dir, file), "no such file, named in %s", boxesFile)
		case used[p.Name]:
			l.skip(p.Path, "%s names it twice in different ways, the second as %s", boxesFile, file)
		default:
			used[p.Name] = true
			l.items = append(l.items, item{Sample: p.Sample, boxes: t.boxes[file], bad: t.bad[file]})
		}
	}
	return l, nil
}
