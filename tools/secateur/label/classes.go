package label

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/secateur/secateur/core/data"
)

var classRule = regexp.MustCompile(`^[^/\x00-\x1f.][^/\x00-\x1f]*$`)

// mostClass is the letters of a class.
const mostClass = 64

// CheckClass refuses a name that could be no folder.
func CheckClass(class string) error {
	if utf8.RuneCountInString(class) > mostClass || !classRule.MatchString(class) {
		return fmt.Errorf("%w: class %q, want 1 to 64 letters without / and not beginning with a point", ErrLabel, class)
	}
	return nil
}

// Init makes the classes that the training set has known to the desk. It refuses a set with boxes in another layout, which
// a boxes.csv beside it would hide.
func (d *Desk) Init() error {
	there, err := os.ReadDir(d.Set)
	if err != nil || len(there) == 0 { // it need not be there yet
		return nil
	}
	if d.Detector {
		return d.initBoxes()
	}
	for _, e := range there {
		if e.IsDir() && CheckClass(e.Name()) == nil {
			d.AddClasses(e.Name())
		}
	}
	return nil
}

func (d *Desk) initBoxes() error {
	if _, err := os.Stat(filepath.Join(d.Set, boxesTable)); err != nil {
		return fmt.Errorf("%s holds no %s, and what the page writes there would hide the labels it has: take another set", d.Set, boxesTable)
	}
	s, err := data.OpenBoxes(d.Set, data.Options{HeaderOnly: true, Test: -1})
	if err != nil { // no box yet, or nothing of use: a training says so
		return nil
	}
	d.AddClasses(s.Classes...)
	return nil
}

// AddClasses makes more classes known, each once.
func (d *Desk) AddClasses(classes ...string) {
	for _, c := range classes {
		if !slices.Contains(d.Classes, c) {
			d.Classes = append(d.Classes, c)
		}
	}
}

// CheckGolden refuses a golden set with boxes that was sealed from another layout than boxes.csv: sealed again it would
// lose what the page gave it.
func (d *Desk) CheckGolden() error {
	if d.Golden == "" || !d.Detector {
		return nil
	}
	if _, err := os.Stat(filepath.Join(d.Golden, boxesTable)); err != nil {
		return fmt.Errorf("golden set %s holds no %s, and pictures can be added to no other layout", d.Golden, boxesTable)
	}
	return nil
}
