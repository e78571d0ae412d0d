package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const boxesFile = "boxes.csv"

// labelled is a box as a file has it: its class by name, and where it stands.
type labelled struct {
	class                  string
	xmin, ymin, xmax, ymax float64
	where                  string // "line 7 of boxes.csv"
}

// boxTable is what boxes.csv says.
type boxTable struct {
	files   []string              // in the order of their first lines
	boxes   map[string][]labelled // by file
	bad     map[string]int        // boxes that were skipped, by file
	plain   bool                  // there is no column for the class
	skipped []Skip
}

// readBoxTable reads DIR/boxes.csv. Its errors match fs.ErrNotExist where there is none.
func readBoxTable(root string) (*boxTable, error) {
	path := filepath.Join(root, boxesFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseBoxTable(f, path)
}

// parseBoxTable collects the good lines and names the others. A line with a file alone is a picture without objects.
func parseBoxTable(r io.Reader, name string) (*boxTable, error) {
	table, err := openTable(r)
	if err != nil {
		return nil, err
	}
	_, at, err := boxColumns(table)
	if err != nil {
		return nil, err
	}
	table.FieldsPerRecord = -1
	t := &boxTable{boxes: map[string][]labelled{}, bad: map[string]int{}, plain: at[1] < 0}
	return t, eachRecord(table, func(rec []string, line int) error {
		if err := t.add(rec, at, line); err != nil {
			t.skipped = append(t.skipped, Skip{name, fmt.Sprintf("line %d: %s", line, err)})
		}
		return nil
	})
}

// boxColumns are the columns, and where file, class, xmin, ymin, xmax and ymax stand among them; class may be -1.
func boxColumns(table *csv.Reader) (head []string, at [6]int, err error) {
	head, find, err := readHead(table)
	if err != nil {
		return nil, at, err
	}
	for i, name := range []string{"file", "class", "xmin", "ymin", "xmax", "ymax"} {
		if at[i] = find(name); at[i] < 0 && name != "class" {
			return nil, at, fmt.Errorf("has the columns %s, want file, class, xmin, ymin, xmax, ymax", strings.Join(head, ", "))
		}
	}
	return head, at, nil
}

// add takes one record.
func (t *boxTable) add(rec []string, at [6]int, line int) error {
	if last := slices.Max(at[:]); last >= len(rec) {
		return fmt.Errorf("%d fields, want %d", len(rec), last+1)
	}
	var field [6]string
	for i, k := range at {
		if k >= 0 {
			field[i] = strings.Clone(strings.TrimSpace(rec[k]))
		}
	}
	if field[0] == "" {
		return errors.New("no file")
	}
	file := tablePath(field[0])
	if _, known := t.boxes[file]; !known {
		t.files = append(t.files, file)
		t.boxes[file] = []labelled{}
	}
	if strings.Join(field[2:], "") == "" {
		return nil
	}
	if at[1] >= 0 && field[1] == "" {
		t.bad[file]++
		return errors.New("no class")
	}
	b := labelled{class: field[1], where: fmt.Sprintf("line %d of %s", line, boxesFile)}
	if err := b.read([4]string(field[2:])); err != nil {
		t.bad[file]++
		return err
	}
	t.boxes[file] = append(t.boxes[file], b)
	return nil
}

// read fills the edges.
func (b *labelled) read(edges [4]string) (err error) {
	for i, v := range []*float64{&b.xmin, &b.ymin, &b.xmax, &b.ymax} {
		if *v, err = coordinate(edges[i]); err != nil {
			return err
		}
	}
	return b.check()
}

// coordinate reads a coordinate.
func coordinate(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x > -1e6 && x < 1e6) {
		return 0, fmt.Errorf("%q is no number of pixels", s)
	}
	return x, nil
}

// check refuses boxes without an area.
func (b labelled) check() error {
	if !(b.xmax > b.xmin && b.ymax > b.ymin) {
		return fmt.Errorf("box %s is empty", b)
	}
	return nil
}

func (b labelled) String() string {
	return fmt.Sprintf("%v,%v to %v,%v", b.xmin, b.ymin, b.xmax, b.ymax)
}
