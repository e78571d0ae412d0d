package study

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTable: results.csv gives back every result, and is read where the lines are gone.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range made() {
		one.Updates, one.Seconds, one.Loss = 7*one.Seed, 0.25, 1e-3
		if err := r.add(one); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.WriteCSV(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, linesName)); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.All(), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestTableRefuses names file, row and column.
func TestTableRefuses(t *testing.T) {
	head := strings.Join(columnNames(), ",") + "\n"
	for text, want := range map[string]string{
		"":                "the first line is not that of a study",
		"a,b\n1,2\n":      "the first line is not that of a study",
		head + "m,d,10\n": "wrong number of fields",
		head + strings.Repeat("x,", len(columns)-1) + "x\n": `row 2: shots is "x", want a number`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tableName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), tableName) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestTornInTheMiddle: a line that is no result, with others behind it, is not thrown away with them.
func TestTornInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, linesName)
	const text = "{\"model\":\"m\"}\nrubbish\n{\"model\":\"n\"}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenResults(dir); err == nil || !strings.Contains(err.Error(), "line 2 is no result") {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Errorf("the file is now %q, %v", b, err)
	}
}
