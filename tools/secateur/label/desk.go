// Package label is where people say what is on pictures that the line has kept: which ones wait, where they go once they
// have a class or boxes, and the page on which that is done.
package label

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/line"
)

// Label is what somebody says of a picture: its class or, for a detector, the boxes on it.
type Label struct {
	Class  string          `json:"class,omitempty"`
	Boxes  []data.NamedBox `json:"boxes,omitzero"` // perhaps none; nil: a class is said
	Golden bool            `json:"golden,omitempty"`
}

// Desk moves pictures from the folder of `run` to where their labels bring them. It may be used by several goroutines. A
// power cut leaves each picture in the folder, or where it went, or both; then it is given a label again.
type Desk struct {
	Pictures string   // the folder that run keeps pictures in
	Set      string   // training data: DIR/CLASS/*, for a detector DIR/images/* and DIR/boxes.csv
	Golden   string   // a sealed golden set; "": there is none
	Detector bool     // pictures get boxes, not a class
	Classes  []string // that can be given
	Why      []string // reasons of the pictures that are asked for

	mu   sync.Mutex
	done []move
}

// move is a picture that was given a label.
type move struct {
	from string // name in Pictures
	name string // where it went
	Label
}

// ErrNotHere is a picture that does not wait: it was given a label, or made room for newer ones.
var ErrNotHere = errors.New("the picture is not here any more")

// ErrLabel is a label that cannot be given.
var ErrLabel = errors.New("no such label")

// mostBoxes is what a picture may have.
const mostBoxes = 1000

// Waiting are the pictures that are asked for now.
func (d *Desk) Waiting() ([]Picture, error) { return Waiting(d.Pictures, d.Why...) }

// Found is what a detector found on a picture that waits.
func (d *Desk) Found(file string) (line.Found, error) {
	if _, err := d.take(file); err != nil {
		return line.Found{}, err
	}
	return line.ReadFound(d.Pictures, file)
}

// Given is how many were given a label and not taken back.
func (d *Desk) Given() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.done)
}

// Give puts a picture with a label into the training set or, if the label says so, into the golden set.
func (d *Desk) Give(file string, l Label) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	picture, err := d.take(file)
	if err != nil {
		return err
	}
	if err := d.check(file, l, picture); err != nil {
		return err
	}
	m := move{file, unique(file, picture), l}
	if err := d.settle(m, picture); err != nil {
		return err
	}
	d.done = append(d.done, m)
	return d.leave(file)
}

// check refuses a label that is none of this desk's, or not of this picture.
func (d *Desk) check(file string, l Label, picture []byte) error {
	switch {
	case d.Detector != (l.Boxes != nil):
		return fmt.Errorf("%w: the pictures get %s", ErrLabel, map[bool]string{true: "boxes, perhaps none", false: "a class"}[d.Detector])
	case !d.Detector && !slices.Contains(d.Classes, l.Class):
		return fmt.Errorf("%w: class %q, want one of %q", ErrLabel, l.Class, d.Classes)
	case len(l.Boxes) > mostBoxes:
		return fmt.Errorf("%w: %d boxes, want at most %d", ErrLabel, len(l.Boxes), mostBoxes)
	case !d.Detector:
		return nil
	}
	size, err := data.SizeBytes(file, picture)
	if err != nil {
		return err
	}
	for i, b := range l.Boxes {
		if err := b.Check(size, d.Classes); err != nil {
			return fmt.Errorf("%w: box %d of %d: %w", ErrLabel, i+1, len(l.Boxes), err)
		}
	}
	return nil
}

// take reads a picture that waits.
func (d *Desk) take(file string) ([]byte, error) {
	if _, ok := line.ParseName(file); !ok || !filepath.IsLocal(file) || filepath.Base(file) != file {
		return nil, fmt.Errorf("%q: %w", file, ErrNotHere)
	}
	b, err := os.ReadFile(filepath.Join(d.Pictures, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", file, ErrNotHere)
	}
	return b, err
}

// unique is a name that no other picture has: the runs of a box are counted anew once its folder is empty.
func unique(file string, picture []byte) string {
	ext := filepath.Ext(file)
	return fmt.Sprintf("%s-%.8x%s", strings.TrimSuffix(file, ext), sha256.Sum256(picture), ext)
}

// settle writes a picture to where its label brings it, and takes it out of the training set where a power cut has left it.
func (d *Desk) settle(m move, picture []byte) error {
	if err := d.shelf(m.Golden).put(m.name, m.Label, picture); err != nil || !m.Golden {
		return err
	}
	return d.shelf(false).drop(m.name, m.Label)
}

// leave takes a picture and its boxes out of the folder of run.
func (d *Desk) leave(file string) error {
	return errors.Join(removed(filepath.Join(d.Pictures, file)), removed(filepath.Join(d.Pictures, line.FoundName(file))))
}

// Undo takes the last label back: the picture waits again, with the boxes that were drawn. It is "" where there is nothing
// to take back.
func (d *Desk) Undo() (file string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.done) == 0 {
		return "", nil
	}
	m := d.done[len(d.done)-1]
	if err := d.bringBack(m); err != nil {
		return "", fmt.Errorf("undo: %w", err)
	}
	d.done = d.done[:len(d.done)-1]
	return m.from, nil
}

func (d *Desk) bringBack(m move) error {
	picture, err := os.ReadFile(d.shelf(m.Golden).path(m.name, m.Label))
	if err != nil {
		return err
	}
	if m.Boxes != nil {
		if err := drawn(m.Boxes).Write(d.Pictures, m.from); err != nil {
			return err
		}
	}
	if err := durable.Write(filepath.Join(d.Pictures, m.from), picture); err != nil {
		return err
	}
	return d.shelf(m.Golden).drop(m.name, m.Label)
}

// drawn are boxes that somebody has drawn, which have no score.
func drawn(boxes []data.NamedBox) (f line.Found) {
	f.Boxes = []line.Box{}
	for _, b := range boxes {
		f.Boxes = append(f.Boxes, line.Box{Box: eval.Box{Class: b.Class, XMin: b.XMin, YMin: b.YMin, XMax: b.XMax, YMax: b.YMax}})
	}
	return f
}

// removed removes a file; the ring may have been faster.
func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
