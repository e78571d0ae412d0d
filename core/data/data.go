// Package data finds labelled pictures, and decodes, resizes, augments and batches them ahead of
// the training loop.
package data

import (
	"fmt"
	"strings"
)

// Sample is one labelled picture.
type Sample struct {
	Path    string // where it lies
	Name    string // its path below the folder given to Open, slashes between: every random choice goes by it
	Class   int    // index into Classes; of a picture with boxes the rarest of theirs, which splits go by
	Group   string // pictures of one group are never parted by HoldOut; empty is a group of its own
	Content uint64 // of the file's bytes: copies are not parted either
	Boxes   []Box  // nil in a set for classification; empty is a picture without objects
}

// Skip is a file or a row that was left out, and why.
type Skip struct{ Path, Reason string }

func (s Skip) String() string { return s.Path + ": " + s.Reason }

// Set is some labelled pictures.
type Set struct {
	Classes []string
	Samples []Sample
	Skipped []Skip
}

// Splits is a data set in its parts. A part that the data does not have is empty.
type Splits struct {
	Classes          []string
	Train, Val, Test []Sample
	Skipped          []Skip
}

// Set is the part called train, val or test. An unknown name and an empty part are errors that
// match ErrUnusable.
func (s *Splits) Set(part string) (*Set, error) {
	p := s.part(partName(part))
	if p == nil {
		return nil, unusable("no split %q, want train, val or test", part)
	}
	if len(*p) == 0 {
		return nil, unusable("the data has no image for the split %s, only %s", part, s.sizes())
	}
	return &Set{s.Classes, *p, s.Skipped}, nil
}

// part is where the samples of a part belong, nil for an unknown name.
func (s *Splits) part(name string) *[]Sample {
	switch name {
	case "train":
		return &s.Train
	case "val":
		return &s.Val
	case "test":
		return &s.Test
	}
	return nil
}

// partName is train, val or test for the names in use for them, and empty for others.
func partName(s string) string {
	switch strings.ToLower(s) {
	case "train", "training":
		return "train"
	case "val", "valid", "validation":
		return "val"
	case "test", "testing":
		return "test"
	}
	return ""
}

func (s *Splits) sizes() string {
	return fmt.Sprintf("%d train, %d val and %d test images", len(s.Train), len(s.Val), len(s.Test))
}
