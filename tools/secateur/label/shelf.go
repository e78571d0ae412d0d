package label

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/device/durable"
)

// shelf is a place that pictures go to with their labels.
type shelf interface {
	path(name string, l Label) string
	// put writes a picture durably; until all of it is written, the picture counts for nothing.
	put(name string, l Label, picture []byte) error
	// drop takes a picture out again, if it is there.
	drop(name string, l Label) error
}

func (d *Desk) shelf(golden bool) shelf {
	switch {
	case d.Detector && golden:
		return goldenBoxes{boxFolder(d.Golden)}
	case d.Detector:
		return boxFolder(d.Set)
	case golden:
		return goldenClasses{classFolders(d.Golden)}
	}
	return classFolders(d.Set)
}

// classFolders is DIR/CLASS/*.
type classFolders string

func (s classFolders) path(name string, l Label) string {
	return filepath.Join(string(s), l.Class, name)
}

func (s classFolders) put(name string, l Label, picture []byte) error {
	if err := write(filepath.Join(string(s), l.Class), name, picture); err != nil {
		return err
	}
	return s.dropBut(name, l.Class)
}

func (s classFolders) drop(name string, _ Label) error { return s.dropBut(name, "") }

// dropBut takes a picture out of every class but one.
func (s classFolders) dropBut(name, class string) error {
	all, err := filepath.Glob(filepath.Join(string(s), "*", name))
	for _, path := range all {
		if filepath.Base(filepath.Dir(path)) != class && err == nil {
			err = removed(path)
		}
	}
	return err
}

// goldenClasses is a sealed golden set of a classifier.
type goldenClasses struct{ classFolders }

func (s goldenClasses) put(name string, l Label, picture []byte) error {
	return accept.Add(string(s.classFolders), l.Class, name, picture)
}

func (s goldenClasses) drop(name string, l Label) error {
	return accept.Remove(string(s.classFolders), l.Class+"/"+name)
}

// boxFolder is DIR/images/* with DIR/boxes.csv.
type boxFolder string

const (
	images     = "images"
	boxesTable = "boxes.csv"
)

func (s boxFolder) path(name string, _ Label) string { return filepath.Join(string(s), images, name) }

func (s boxFolder) put(name string, l Label, picture []byte) error {
	if err := write(filepath.Join(string(s), images), name, picture); err != nil {
		return err
	}
	return s.relabel(name, l.Boxes)
}

func (s boxFolder) drop(name string, l Label) error {
	if _, err := os.Stat(s.path(name, l)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := s.relabel(name, nil); err != nil {
		return err
	}
	return removed(s.path(name, l))
}

// relabel writes the table anew with the boxes of a picture.
func (s boxFolder) relabel(name string, boxes []data.NamedBox) error {
	path := filepath.Join(string(s), boxesTable)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.Stream(durable.Disk{}, path, func(w io.Writer) error {
		if err := data.RelabelBoxes(w, bytes.NewReader(old), images+"/"+name, boxes); err != nil {
			return fmt.Errorf("the table that is there: %w", err)
		}
		return nil
	})
}

// goldenBoxes is a sealed golden set of a detector with DIR/boxes.csv, from which it can be sealed again.
type goldenBoxes struct{ boxFolder }

// put leaves a picture that the set refuses unsealed: nobody looks at it.
func (s goldenBoxes) put(name string, l Label, picture []byte) error {
	if err := write(filepath.Join(string(s.boxFolder), images), name, picture); err != nil {
		return err
	}
	if err := accept.AddBoxes(string(s.boxFolder), images+"/"+name, l.Boxes); err != nil {
		return err
	}
	return s.relabel(name, l.Boxes)
}

func (s goldenBoxes) drop(name string, l Label) error {
	if err := s.relabel(name, nil); err != nil {
		return err
	}
	return accept.Remove(string(s.boxFolder), images+"/"+name)
}

// write puts a picture into a folder, which is made if it is not there.
func write(dir, name string, picture []byte) error {
	if err := os.MkdirAll(dir, 0o775); err != nil {
		return err
	}
	if err := durable.Write(filepath.Join(dir, name), picture); err != nil {
		return err
	}
	for range 2 { // the folders of the set and the class may be new
		if dir = filepath.Dir(dir); dir == "/" {
			break
		}
		if err := (durable.Disk{}).SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
