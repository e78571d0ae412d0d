package main

import (
	"encoding/csv"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rows calls each with the columns of every line of a table, in the order asked for.
func rows(path string, columns []string, each func(v []string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(table) == 0 {
		return fmt.Errorf("%s is empty, want the columns %s", path, strings.Join(columns, ", "))
	}
	at := make([]int, len(columns))
	for i, c := range columns {
		if at[i] = slices.Index(table[0], c); at[i] < 0 {
			return fmt.Errorf("%s has the columns %s, want %s", path, strings.Join(table[0], ", "), strings.Join(columns, ", "))
		}
	}
	v := make([]string, len(columns))
	for line, row := range table[1:] {
		for i, k := range at {
			v[i] = row[k]
		}
		if err := each(v); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, line+2, err)
		}
	}
	return nil
}

// readParts is the part of each file.
func readParts(path string) (map[string]string, error) {
	of := map[string]string{}
	err := rows(path, []string{"file", "split"}, func(v []string) error {
		if !slices.Contains([]string{"train", "val", "test"}, v[1]) {
			return fmt.Errorf("split %q, want train, val or test", v[1])
		}
		of[v[0]] = v[1]
		return nil
	})
	return of, err
}

// box is where a crop is taken.
type box struct {
	class  string
	middle image.Point
}

// boxTable are the boxes by file, files in their order.
type boxTable struct {
	files []string
	of    map[string][]box
}

func readBoxes(path string) (*boxTable, error) {
	t := &boxTable{of: map[string][]box{}}
	err := rows(path, []string{"file", "class", "xmin", "ymin", "xmax", "ymax"}, func(v []string) error {
		if !filepath.IsLocal(v[0]) || !filepath.IsLocal(v[1]) {
			return fmt.Errorf("file %q or class %q leaves the folder", v[0], v[1])
		}
		var p [4]int
		for i := range p {
			var err error
			if p[i], err = strconv.Atoi(v[2+i]); err != nil {
				return fmt.Errorf("%q is no whole number of pixels", v[2+i])
			}
		}
		if t.of[v[0]] == nil {
			t.files = append(t.files, v[0])
		}
		t.of[v[0]] = append(t.of[v[0]], box{v[1], image.Pt((p[0]+p[2])/2, (p[1]+p[3])/2)})
		return nil
	})
	return t, err
}
