package study

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/secateur/secateur/core/data"
)

// column is one column of results.csv: how it is written, and read back.
type column struct {
	name string
	text func(*Result) string
	read func(*Result, string) error
}

func words(name string, of func(*Result) *string) column {
	return column{name, func(r *Result) string { return *of(r) }, func(r *Result, s string) error { *of(r) = s; return nil }}
}

func whole[T int | int64](name string, of func(*Result) *T) column {
	return column{name, func(r *Result) string { return fmt.Sprint(*of(r)) }, func(r *Result, s string) error {
		v, err := strconv.ParseInt(s, 10, 64)
		*of(r) = T(v)
		return err
	}}
}

func decimal(name string, of func(*Result) *float64) column {
	return column{name, func(r *Result) string { return strconv.FormatFloat(*of(r), 'g', 7, 64) }, func(r *Result, s string) (err error) {
		*of(r), err = strconv.ParseFloat(s, 64)
		return err
	}}
}

// columns are those of results.csv in their order.
var columns = []column{
	words("model", func(r *Result) *string { return &r.Model }), words("data", func(r *Result) *string { return &r.Data }),
	whole("shots", func(r *Result) *int { return &r.Shots }), whole("seed", func(r *Result) *int { return &r.Seed }),
	words("selector", func(r *Result) *string { return &r.Selector }), words("allocator", func(r *Result) *string { return &r.Allocator }),
	words("keep", func(r *Result) *string { return &r.Keep }), words("repair", func(r *Result) *string { return &r.Repair }),
	words("tuning", func(r *Result) *string { return &r.Tuning }), decimal("accuracy", func(r *Result) *float64 { return &r.Accuracy }),
	decimal("macro", func(r *Result) *float64 { return &r.Macro }), decimal("worst", func(r *Result) *float64 { return &r.Worst }),
	decimal("loss", func(r *Result) *float64 { return &r.Loss }), whole("macs", func(r *Result) *int64 { return &r.MACs }),
	whole("params", func(r *Result) *int { return &r.Params }), whole("images", func(r *Result) *int { return &r.Images }),
	whole("updates", func(r *Result) *int { return &r.Updates }), decimal("seconds", func(r *Result) *float64 { return &r.Seconds }),
	words("skipped", func(r *Result) *string { return &r.Skipped }),
	{"removed", func(r *Result) string { return strings.Join(r.Removed, " ") }, func(r *Result, s string) error { r.Removed = append(r.Removed, strings.Fields(s)...); return nil }},
}

func columnNames() []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return names
}

const tableName = "results.csv"

// WriteCSV writes results.csv: a row a run, all that the page is made of.
func (r *Results) WriteCSV() error {
	f, err := os.Create(filepath.Join(filepath.Dir(r.path), tableName))
	if err != nil {
		return err
	}
	defer f.Close()
	rows := [][]string{columnNames()}
	for _, x := range r.All() {
		var row []string
		for _, c := range columns {
			row = append(row, c.text(&x))
		}
		rows = append(rows, row)
	}
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		return err
	}
	return f.Close()
}

// Read is the results of a study's folder, finished or not: results.jsonl, and results.csv where that is gone.
func Read(dir string) ([]Result, error) {
	if _, err := os.Stat(filepath.Join(dir, linesName)); err != nil {
		list, err := ReadCSV(dir)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %s holds no results of a study: neither %s nor %s is there", data.ErrUnusable, dir, linesName, tableName)
		}
		return list, err
	}
	r, err := OpenResults(dir)
	if err != nil {
		return nil, err
	}
	return r.All(), r.WriteCSV()
}

// ReadCSV reads results.csv of a study's folder.
func ReadCSV(dir string) ([]Result, error) {
	path := filepath.Join(dir, tableName)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", data.ErrUnusable, path, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], columnNames()) {
		return nil, fmt.Errorf("%w: %s: the first line is not that of a study, want %s", data.ErrUnusable, path, strings.Join(columnNames(), ","))
	}
	var list []Result
	for i, row := range rows[1:] {
		var r Result
		for k, c := range columns {
			if err := c.read(&r, row[k]); err != nil {
				return nil, fmt.Errorf("%w: %s: row %d: %s is %q, want a number", data.ErrUnusable, path, i+2, c.name, row[k])
			}
		}
		list = append(list, r)
	}
	return list, nil
}
