package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"image"
	"io"
	"slices"
	"strconv"
)

// NamedBox is a labelled rectangle with its class by name. Edges are as Box has them, in pixels of the upright picture.
type NamedBox struct {
	Class string  `json:"class"`
	XMin  float64 `json:"xmin"`
	YMin  float64 `json:"ymin"`
	XMax  float64 `json:"xmax"`
	YMax  float64 `json:"ymax"`
}

// Check refuses a box that is empty, that leaves a picture of that size by half a pixel or more, or that is of none of the
// classes. Errors match ErrUnusable.
func (b NamedBox) Check(size image.Point, classes []string) error {
	l := labelled{b.Class, b.XMin, b.YMin, b.XMax, b.YMax, ""}
	if !slices.Contains(classes, b.Class) {
		return unusable("box %s: class %q is not among %s", l, b.Class, firstNames(classes))
	}
	err := l.check()
	if err == nil {
		err = l.leaves(size)
	}
	if err != nil {
		return unusable("%w", err)
	}
	return nil
}

// boxesHead are the columns of a boxes.csv of ours.
const boxesHead = "file,class,xmin,ymin,xmax,ymax\n"

// RelabelBoxes copies a boxes.csv from r to w with other boxes for one file: the lines of it that are there go, and its boxes
// come last. Without a box one line says that the picture has no objects; nil takes the file out of the table. The lines
// of other files stay as they are, and so do columns that only they have. r may be empty.
func RelabelBoxes(w io.Writer, r io.Reader, file string, boxes []NamedBox) error {
	old, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(old)) == 0 {
		old = []byte(boxesHead)
	}
	table, err := openTable(bytes.NewReader(old))
	if err != nil {
		return err
	}
	head, at, err := boxColumns(table)
	if err != nil {
		return err
	}
	if at[1] < 0 {
		return errors.New("has no column class")
	}
	out := csv.NewWriter(w)
	out.Comma, table.FieldsPerRecord = table.Comma, -1
	out.Write(head) // the writer keeps its first error
	if err := eachRecord(table, func(rec []string, _ int) error {
		if at[0] < len(rec) && tablePath(rec[at[0]]) == file {
			return nil
		}
		return out.Write(rec)
	}); err != nil {
		return err
	}
	for _, line := range boxLines(file, boxes) {
		rec := make([]string, len(head))
		for i, k := range at {
			rec[k] = line[i]
		}
		out.Write(rec)
	}
	out.Flush()
	return out.Error()
}

// boxLines are a file's lines of the table.
func boxLines(file string, boxes []NamedBox) (lines [][6]string) {
	if boxes != nil && len(boxes) == 0 {
		return [][6]string{{file}}
	}
	for _, b := range boxes {
		line := [6]string{file, b.Class}
		for i, v := range []float64{b.XMin, b.YMin, b.XMax, b.YMax} {
			line[2+i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
		lines = append(lines, line)
	}
	return lines
}

// SizeBytes is Size of a file already in memory; name is what errors call it.
func SizeBytes(name string, b []byte) (size image.Point, err error) {
	kind, err := header(b, defaultLimits)
	if err == nil {
		size, err = kind.size(b)
	}
	if err != nil {
		return size, unusable("%s: %w", name, err)
	}
	return size, nil
}
