package data

import (
	"errors"
	"image"
	"io/fs"
	"os"
	"path/filepath"
)

// Options says how a folder is to be read. The zero value is what a training wants.
type Options struct {
	Classes    []string // the order of the classes, when a model fixes it; those without an image are then allowed
	Seed       uint64   // of the split where the data brings none
	Test, Val  float64  // shares of that split; Test 0 is DefaultTest, below 0 is none
	HeaderOnly bool     // believe the headers of the files, and meet a damaged one later, in Loader.Next
	Threads    int      // that look at files; 0 is all
}

// DefaultTest is the share of images kept for testing where the data has no split of its own.
const DefaultTest = 0.2

// item is a file on its way to become a Sample.
type item struct {
	Sample
	class string
	part  string // train, val, test, or empty: to be split
	size  image.Point

	boxes  []labelled
	bad    int         // boxes that could not be used already
	shares bool        // boxes are in shares of the picture
	stated image.Point // what the labels say of the size, 0, 0 for nothing
}

// listing is what a layout holds before any file was opened.
type listing struct {
	items   []item
	classes []string // also those without a file
	skipped []Skip
}

// Opener is OpenBoxes for pictures with boxes, else Open.
func Opener(boxes bool) func(dir string, o Options) (*Splits, error) {
	if boxes {
		return OpenBoxes
	}
	return Open
}

// Open finds the labelled pictures below dir, in the first of these layouts that is there:
//
//	DIR/split.csv                  columns file, class, split and perhaps group, in any order; files
//	                               lie below DIR, DIR/images, or the folder of their class in either
//	DIR/{train,val,test}/CLASS/*   any of the three
//	DIR/CLASS/*                    split by a hash of each file's bytes and the seed, so that a file
//	                               stays on its side when others come or go
//
// Classes are in the order of labels.txt or classes.txt, one name a line, else by name. Hidden
// files and folders and @eaDir are passed over, a link is followed once. A file that does not
// decode is skipped and named; no image at all, or none in a class, is an error. Errors match
// ErrUnusable.
func Open(dir string, o Options) (*Splits, error) {
	l, err := list(dir)
	if err != nil {
		return nil, err
	}
	classes, err := classOrder(dir, l.classes, o)
	if err != nil {
		return nil, err
	}
	good, bad := check(l.items, o)
	l.skipped = append(l.skipped, bad...)
	if len(good) == 0 {
		return nil, unusable("%s: no usable image%s", dir, firstOf(l.skipped))
	}
	s := &Splits{Classes: classes, Skipped: l.skipped}
	s.place(good, o)
	if err := s.demandImages(dir, o); err != nil {
		return nil, err
	}
	return s, nil
}

// list finds the layout of dir.
func list(dir string) (*listing, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unusable("%s: %w", dir, bare(err))
	}
	if _, err := os.Stat(filepath.Join(dir, splitFile)); !errors.Is(err, fs.ErrNotExist) {
		return listCSV(dir)
	}
	if parts := partFolders(dir, entries); len(parts) > 0 {
		return listParts(dir, parts)
	}
	return listClasses(dir, dir, "")
}

// place sorts items into the parts.
func (s *Splits) place(items []item, o Options) {
	index := map[string]int{}
	for i, c := range s.Classes {
		index[c] = i
	}
	splitByContent(items, o)
	for _, it := range items {
		it.Class = index[it.class]
		p := s.part(it.part)
		*p = append(*p, it.Sample)
	}
}

// demandImages refuses a class without an image to train on, or without any when there is
// nothing to train on.
func (s *Splits) demandImages(dir string, o Options) error {
	if o.Classes != nil {
		return nil
	}
	what, where := s.Train, " to train on"
	if len(what) == 0 {
		what, where = append(append(what, s.Val...), s.Test...), ""
	}
	count := Count(what, len(s.Classes))
	for c, n := range count {
		if n == 0 {
			return unusable("%s: class %q has no image%s%s", dir, s.Classes[c], where, firstOf(s.Skipped))
		}
	}
	return nil
}

// Count is the number of samples of each class.
func Count(samples []Sample, classes int) []int {
	n := make([]int, classes)
	for _, s := range samples {
		n[s.Class]++
	}
	return n
}

// Labels is the number of labels of each class: boxes of pictures that have them, else pictures.
func Labels(samples []Sample, classes int) []int {
	n := make([]int, classes)
	for _, s := range samples {
		if s.Boxes == nil {
			n[s.Class]++
		}
		for _, b := range s.Boxes {
			n[b.Class]++
		}
	}
	return n
}
