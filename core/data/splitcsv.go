package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const splitFile = "split.csv"

// row is a line of split.csv.
type row struct {
	file, class, part, group string
	line                     int
}

// listCSV lists the files that DIR/split.csv names.
func listCSV(dir string) (*listing, error) {
	f, err := os.Open(filepath.Join(dir, splitFile))
	if err != nil {
		return nil, unusable("%s: %w", splitFile, bare(err))
	}
	defer f.Close()
	rows, err := parseSplit(f)
	if err != nil {
		return nil, unusable("%s: %w", filepath.Join(dir, splitFile), err)
	}
	return findRows(dir, rows)
}

// parseSplit reads the table. Columns stand in any order, a semicolon may part them, and others
// than ours are passed over. Every row it returns has a class, a part, and a file below the folder.
func parseSplit(r io.Reader) ([]row, error) {
	table, err := openTable(r)
	if err != nil {
		return nil, err
	}
	columns, err := splitColumns(table)
	if err != nil {
		return nil, err
	}
	var rows []row
	return rows, eachRecord(table, func(rec []string, line int) error {
		r, err := columns.row(rec)
		r.line = line
		rows = append(rows, r)
		return err
	})
}

// eachRecord calls do with every record that is left. Its errors, and those of do, name the line.
func eachRecord(table *csv.Reader, do func(rec []string, line int) error) error {
	for {
		rec, err := table.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err // names the line itself
		}
		line, _ := table.FieldPos(0)
		if err := do(rec, line); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// readHead reads the first record, nil of an empty file, and finds columns in it whatever their case, -1 for none.
func readHead(table *csv.Reader) (head []string, column func(name string) int, err error) {
	head, err = table.Read()
	if err == io.EOF {
		head, err = nil, nil
	}
	head = slices.Clone(head)
	return head, func(name string) int {
		return slices.IndexFunc(head, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
	}, err
}

// openTable guesses the separator from the first line.
func openTable(r io.Reader) (*csv.Reader, error) {
	const longest = 4096
	b := bufio.NewReaderSize(r, longest)
	if head, _ := b.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		b.Discard(len(byteOrderMark))
	}
	head, err := b.Peek(longest)
	if err != nil && err != io.EOF {
		return nil, err
	}
	first, _, _ := strings.Cut(string(head), "\n")
	table := csv.NewReader(b)
	table.ReuseRecord = true
	if !strings.Contains(first, ",") && strings.Contains(first, ";") {
		table.Comma = ';'
	}
	return table, nil
}

// columns is where file, class, split and group stand; group may be -1.
type columns struct{ file, class, part, group int }

func splitColumns(table *csv.Reader) (columns, error) {
	head, find, err := readHead(table)
	if err != nil {
		return columns{}, err
	}
	if head == nil {
		return columns{}, errors.New("empty, want the columns file, class, split")
	}
	c := columns{find("file"), find("class"), find("split"), find("group")}
	if c.file < 0 || c.class < 0 || c.part < 0 {
		return c, fmt.Errorf("has the columns %s, want file, class, split", strings.Join(head, ", "))
	}
	return c, nil
}

// row checks one record.
func (c columns) row(rec []string) (row, error) {
	r := row{file: strings.TrimSpace(rec[c.file]), class: strings.TrimSpace(rec[c.class])}
	if c.group >= 0 {
		r.group = strings.TrimSpace(rec[c.group])
	}
	r.part = partName(strings.TrimSpace(rec[c.part]))
	file := tablePath(r.file)
	switch {
	case r.file == "":
		return r, errors.New("no file")
	case !filepath.IsLocal(filepath.FromSlash(file)):
		return r, fmt.Errorf("file %q leaves the folder", r.file)
	case r.class == "":
		return r, fmt.Errorf("file %q has no class", r.file)
	case r.part == "":
		return r, fmt.Errorf("split %q, want train, val or test", rec[c.part])
	}
	r.file = strings.Clone(file)
	return r, nil
}

// tablePath is a file of a table as a slash path.
func tablePath(s string) string {
	return path.Clean(strings.ReplaceAll(strings.TrimSpace(s), `\`, "/"))
}

// findRows finds each row's file. A row that repeats another is skipped; one that contradicts it
// is an error, for nobody can say which is right.
func findRows(dir string, rows []row) (*listing, error) {
	l, seen := new(listing), map[string]row{}
	for _, r := range rows {
		l.classes = append(l.classes, r.class)
		name, ok := findFile(dir, r)
		if !ok {
			l.skipRow(dir, r.file, "no such file, named by line %d of %s", r.line, splitFile)
			continue
		}
		old, again := seen[name]
		if again && !old.agrees(r) {
			return nil, unusable("%s: lines %d and %d disagree on %s",
				filepath.Join(dir, splitFile), old.line, r.line, name)
		}
		if again {
			l.skipRow(dir, name, "line %d of %s repeats line %d", r.line, splitFile, old.line)
			continue
		}
		seen[name] = r
		s := Sample{Path: filepath.Join(dir, filepath.FromSlash(name)), Name: name, Group: r.group}
		l.items = append(l.items, item{Sample: s, class: r.class, part: r.part})
	}
	return l, nil
}

func (r row) agrees(other row) bool {
	return r.class == other.class && r.part == other.part && r.group == other.group
}

func (l *listing) skipRow(dir, name, format string, args ...any) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	l.skipped = append(l.skipped, Skip{path, fmt.Sprintf(format, args...)})
}

// findFile is the path below dir of a row's file.
func findFile(dir string, r row) (string, bool) {
	for _, name := range []string{
		r.file,
		path.Join("images", r.file),
		path.Join(r.class, r.file),
		path.Join("images", r.class, r.file),
	} {
		local := filepath.FromSlash(name)
		if !filepath.IsLocal(local) { // a class may be called ../..
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, local)); err == nil && !info.IsDir() {
			return name, true
		}
	}
	return "", false
}
