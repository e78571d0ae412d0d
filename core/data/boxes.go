package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const boxesFile = "boxes.csv"

// box is a line of boxes.csv, in pixels; the last row and column are part of it.
type box struct{ xmin, ymin, xmax, ymax, line int }

// table is the boxes of DIR/boxes.csv by file, read once.
func (f *regionFinder) table(root string) map[string][]box {
	if boxes, ok := f.boxes[root]; ok {
		return boxes
	}
	boxes := map[string][]box{}
	f.boxes[root] = boxes
	path := filepath.Join(root, boxesFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return boxes
	}
	if err == nil {
		defer file.Close()
		err = f.read(file, path, boxes)
	}
	if err != nil {
		f.skipped = append(f.skipped, Skip{path, bare(err).Error()})
	}
	return boxes
}

// read collects the good lines and names the others.
func (f *regionFinder) read(r io.Reader, name string, into map[string][]box) error {
	table, err := openTable(r)
	if err != nil {
		return err
	}
	at, err := boxColumns(table)
	if err != nil {
		return err
	}
	for {
		rec, err := table.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := table.FieldPos(0)
		file, b, err := parseBox(rec, at)
		if err != nil {
			f.skipped = append(f.skipped, Skip{name, fmt.Sprintf("line %d: %s", line, err)})
			continue
		}
		b.line = line
		into[file] = append(into[file], b)
	}
}

// boxColumns is where file, xmin, ymin, xmax and ymax stand.
func boxColumns(table *csv.Reader) ([5]int, error) {
	var at [5]int
	head, err := table.Read()
	if err == io.EOF {
		head, err = nil, nil
	}
	if err != nil {
		return at, err
	}
	for i, name := range []string{"file", "xmin", "ymin", "xmax", "ymax"} {
		at[i] = slices.IndexFunc(head, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
		if at[i] < 0 {
			return at, fmt.Errorf("has the columns %s, want file, xmin, ymin, xmax, ymax", strings.Join(head, ", "))
		}
	}
	return at, nil
}

// parseBox checks one record. Parts of a pixel are cut off.
func parseBox(rec []string, at [5]int) (string, box, error) {
	file := path.Clean(strings.ReplaceAll(strings.TrimSpace(rec[at[0]]), `\`, "/"))
	var v [4]int
	for i := range v {
		x, err := strconv.ParseFloat(strings.TrimSpace(rec[at[i+1]]), 64)
		if err != nil || !(x > -1e6 && x < 1e6) {
			return "", box{}, fmt.Errorf("%q is no number of pixels", rec[at[i+1]])
		}
		v[i] = int(x)
	}
	b := box{xmin: v[0], ymin: v[1], xmax: v[2], ymax: v[3]}
	if b.xmax < b.xmin || b.ymax < b.ymin {
		return "", box{}, fmt.Errorf("box %d,%d to %d,%d is empty", b.xmin, b.ymin, b.xmax, b.ymax)
	}
	return strings.Clone(file), b, nil
}
