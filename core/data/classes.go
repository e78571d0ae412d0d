package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// classOrder is the classes in the order of the model, of labels.txt or classes.txt in dir, or of
// their names.
func classOrder(dir string, found []string, o Options) ([]string, error) {
	found = slices.Compact(slices.Sorted(slices.Values(found)))
	order, source := o.Classes, "the model"
	if order == nil {
		var err error
		if order, source, err = labelFile(dir); err != nil {
			return nil, err
		}
	}
	if order == nil {
		return found, severalClasses(dir, found)
	}
	for i, c := range order {
		if slices.Contains(order[:i], c) {
			return nil, unusable("%s: %s has the class %q twice", dir, source, c)
		}
	}
	for _, c := range found {
		if !slices.Contains(order, c) {
			return nil, unusable("%s: class %q is not among the %d classes of %s", dir, c, len(order), source)
		}
	}
	return order, nil
}

// severalClasses refuses a single class: it is the mark of a folder one too high or too low.
func severalClasses(dir string, found []string) error {
	if len(found) == 1 {
		return unusable("%s: the only class is %q, want two or more", dir, found[0])
	}
	return nil
}

// labelFile reads labels.txt or classes.txt, nil when there is neither.
func labelFile(dir string) (order []string, name string, err error) {
	for _, name := range []string{"labels.txt", "classes.txt"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", unusable("%s: %s: %w", dir, name, bare(err))
		}
		if order := nameLines(b); order != nil {
			return order, name, nil
		}
	}
	return nil, "", nil
}

// nameLines is one name a line, empty ones passed over.
func nameLines(b []byte) (names []string) {
	for line := range strings.Lines(strings.TrimPrefix(string(b), byteOrderMark)) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names
}

const byteOrderMark = "\ufeff"

// firstOf ends an error about missing images with what was skipped.
func firstOf(skipped []Skip) string {
	if len(skipped) == 0 {
		return ""
	}
	return fmt.Sprintf(" (skipped: %d, the first %s)", len(skipped), skipped[0])
}
