package data

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// partRow is where a table puts a picture.
type partRow struct {
	part, group string
	line        int
}

// findParts gives the pictures of a listing their parts and groups: by a table, by the layout, by their path.
func (f *folder) findParts(l *boxListing) error {
	for _, name := range []string{splitFile, "labels.csv"} {
		rows, err := f.partTable(name)
		if err != nil {
			return unusable("%s: %w", f.full(name), bare(err))
		}
		if rows != nil {
			f.placeByTable(l, rows, name)
			return nil
		}
	}
	for i := range l.items {
		if it := &l.items[i]; it.part == "" {
			it.part = pathPart(it.Name)
		}
	}
	return nil
}

// pathPart is the part that a folder of a picture's path is called like, "" for none.
func pathPart(name string) string {
	for _, e := range strings.Split(path.Dir(name), "/") {
		if p := partName(e); p != "" {
			return p
		}
	}
	return ""
}

// partTable reads a table with the columns file and split, nil if there is none or it has no such columns.
func (f *folder) partTable(name string) (map[string]partRow, error) {
	if f.byName[name] == nil {
		return nil, nil
	}
	file, err := os.Open(f.full(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return f.parseParts(file, name)
}

func (f *folder) parseParts(r io.Reader, name string) (map[string]partRow, error) {
	table, err := openTable(r)
	if err != nil {
		return nil, err
	}
	head, at, err := readHead(table)
	if err != nil {
		return nil, err
	}
	c := columns{file: at("file"), part: at("split"), group: at("group")}
	if c.file < 0 || c.part < 0 {
		if name == splitFile {
			return nil, fmt.Errorf("has the columns %s, want file, split", strings.Join(head, ", "))
		}
		return nil, nil
	}
	return f.partRows(table, c)
}

// partRows reads the rows by the name of the file they mean.
func (f *folder) partRows(table *csv.Reader, c columns) (map[string]partRow, error) {
	rows := map[string]partRow{}
	return rows, eachRecord(table, func(rec []string, line int) error {
		r := partRow{part: partName(strings.TrimSpace(rec[c.part])), line: line}
		if r.part == "" {
			return fmt.Errorf("split %q, want train, val or test", rec[c.part])
		}
		if c.group >= 0 {
			r.group = strings.Clone(strings.TrimSpace(rec[c.group]))
		}
		it, ok := f.find(tablePath(rec[c.file]))
		if !ok {
			return nil // what has boxes but no file is named where the boxes are read
		}
		if old, again := rows[it.Name]; again && (old.part != r.part || old.group != r.group) {
			return fmt.Errorf("disagrees with line %d on %s", old.line, it.Name)
		}
		rows[it.Name] = r
		return nil
	})
}

// placeByTable leaves out what the table does not have. What it has and the boxes do not is a picture without objects
// where the boxes are one table, and named otherwise.
func (f *folder) placeByTable(l *boxListing, rows map[string]partRow, name string) {
	kept, have := l.items[:0:0], map[string]bool{}
	for _, it := range l.items {
		r, ok := rows[it.Name]
		if !ok {
			l.skip(it.Path, "not in %s", filepath.Base(name))
			continue
		}
		it.part, it.Group, have[it.Name] = r.part, r.group, true
		kept = append(kept, it)
	}
	for _, it := range f.files {
		if r, ok := rows[it.Name]; ok && !have[it.Name] && l.format == boxesFile {
			it.part, it.Group = r.part, r.group
			kept = append(kept, it)
		}
	}
	l.items = kept
}
