// Package accept decides whether a retrained model may go live: by the golden set of the line, which is never trained
// on, by what the model says of itself, and by whether the labels it was trained with can be believed.
package accept

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/device/durable"
)

// manifestName is the file that names every picture of a golden set with its sha256.
const manifestName = "golden.json"

// Golden is the golden set of a line: pictures that people have labelled, and that no model is trained on.
type Golden struct {
	Classes []string
	Boxes   bool // the pictures have boxes: it judges detectors, else classifiers
	Samples []data.Sample
	Skipped []data.Skip // by Seal
	sums    map[string]bool
}

// manifest is golden.json.
type manifest struct {
	Schema  int      `json:"schema"`
	Classes []string `json:"classes"`
	Boxes   bool     `json:"boxes,omitempty"`
	Files   []entry  `json:"files"`
}

type entry struct {
	File   string `json:"file"`            // below the folder
	Class  string `json:"class,omitempty"` // none where there are boxes
	Boxes  []box  `json:"boxes,omitempty"`
	SHA256 string `json:"sha256"`
}

// box has its edges as data.Box has them.
type box struct {
	Class string  `json:"class"`
	XMin  float32 `json:"xmin"`
	YMin  float32 `json:"ymin"`
	XMax  float32 `json:"xmax"`
	YMax  float32 `json:"ymax"`
}

// Seal makes the pictures of a folder a golden set, DIR/CLASS/* for a classifier, or with boxes, in any of the layouts of
// data.OpenBoxes, for a detector: what lies in the folder now is what every later Open wants to find. The boxes stand in
// golden.json from then on.
func Seal(dir string, boxes bool) (*Golden, error) {
	splits, err := data.Opener(boxes)(dir, data.Options{Test: -1})
	if err != nil {
		return nil, err
	}
	m := manifest{Schema: 1, Classes: splits.Classes, Boxes: boxes}
	for _, s := range slices.Concat(splits.Train, splits.Val, splits.Test) {
		e, err := m.entry(s)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, e)
	}
	if err := m.write(dir); err != nil {
		return nil, err
	}
	g, err := Open(dir)
	if err == nil {
		g.Skipped = splits.Skipped
	}
	return g, err
}

// entry is a picture with its sum.
func (m *manifest) entry(s data.Sample) (e entry, err error) {
	e.File = s.Name
	if !m.Boxes {
		e.Class = m.Classes[s.Class]
	}
	for _, b := range s.Boxes {
		e.Boxes = append(e.Boxes, box{m.Classes[b.Class], b.XMin, b.YMin, b.XMax, b.YMax})
	}
	e.SHA256, err = durable.Sum(s.Path)
	return e, err
}

// sample is the picture of an entry; false if its labels are none of the set's.
func (m *manifest) sample(dir string, e entry) (s data.Sample, ok bool) {
	s = data.Sample{Path: filepath.Join(dir, filepath.FromSlash(e.File)), Name: e.File}
	if !m.Boxes {
		s.Class = slices.Index(m.Classes, e.Class)
		return s, s.Class >= 0
	}
	s.Boxes = []data.Box{}
	for _, b := range e.Boxes {
		x := data.Box{Class: slices.Index(m.Classes, b.Class), XMin: b.XMin, YMin: b.YMin, XMax: b.XMax, YMax: b.YMax}
		if x.Class < 0 || !(x.Area() > 0) {
			return s, false
		}
		s.Boxes = append(s.Boxes, x)
	}
	return s, true
}

func (m *manifest) write(dir string) error {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, manifestName), append(b, '\n'))
}

// Classes are those of a sealed golden set, in their order, and whether its pictures have boxes.
func Classes(dir string) (classes []string, boxes bool, err error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, false, err
	}
	return m.Classes, m.Boxes, nil
}

// Add puts a picture into a sealed golden set, and its sum with it; until the sum stands there the picture counts for
// nothing, so that a power cut leaves the set whole. The class is one of the set's: another one would be refused to every
// model that is there.
func Add(dir, class, name string, picture []byte) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if m.Boxes {
		return bad("golden set %s: its pictures have boxes, and %s comes with a class alone", dir, name)
	}
	if !slices.Contains(m.Classes, class) {
		return bad("golden set %s: class %q is not one of its %q", dir, class, m.Classes)
	}
	e := entry{File: class + "/" + name, Class: class, SHA256: fmt.Sprintf("%x", sha256.Sum256(picture))}
	if err := durable.Write(filepath.Join(dir, class, name), picture); err != nil {
		return fmt.Errorf("golden set: %w", err)
	}
	return m.enter(dir, e)
}

// AddBoxes takes a picture that lies in the folder of a sealed golden set with boxes, by its path below it, into the set.
// The boxes are of the set's classes.
func AddBoxes(dir, file string, boxes []data.NamedBox) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if !m.Boxes {
		return bad("golden set %s: its pictures have classes, and %s comes with boxes", dir, file)
	}
	e := entry{File: file}
	for _, b := range boxes {
		e.Boxes = append(e.Boxes, box{b.Class, float32(b.XMin), float32(b.YMin), float32(b.XMax), float32(b.YMax)})
	}
	s, ok := m.sample(dir, e)
	if !ok {
		return bad("golden set %s: %s has boxes %v, want some with an area, of the classes %q", dir, file, e.Boxes, m.Classes)
	}
	if e.SHA256, err = durable.Sum(s.Path); err != nil {
		return fmt.Errorf("golden set: %w", err)
	}
	return m.enter(dir, e)
}

// enter writes the set down with one more picture, or with another sum of one.
func (m *manifest) enter(dir string, e entry) error {
	m.Files = append(slices.DeleteFunc(m.Files, func(f entry) bool { return f.File == e.File }), e)
	return m.write(dir)
}

// Remove takes a picture, by its path below the folder, out of a sealed golden set again, and removes it.
func Remove(dir, file string) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	m.Files = slices.DeleteFunc(m.Files, func(f entry) bool { return f.File == file })
	if err := m.write(dir); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, filepath.FromSlash(file)))
}

// Open reads a sealed golden set and holds every picture against its sha256. A picture that is gone or has changed is an
// error that matches data.ErrUnusable: a gate must not judge by it. One that was never sealed is not looked at.
func Open(dir string) (*Golden, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	g := &Golden{Classes: m.Classes, Boxes: m.Boxes, sums: map[string]bool{}}
	for _, e := range m.Files {
		s, ok := m.sample(dir, e)
		if !ok || !filepath.IsLocal(e.File) {
			return nil, bad("golden set %s: %s names %q of class %q with boxes %v", dir, manifestName, e.File, e.Class, e.Boxes)
		}
		sum, err := durable.Sum(s.Path)
		if err != nil {
			return nil, bad("golden set: %w", err)
		}
		if sum != e.SHA256 {
			return nil, bad("golden set: %s has changed since it was sealed", s.Path)
		}
		g.sums[sum] = true
		g.Samples = append(g.Samples, s)
	}
	if len(g.Samples) == 0 {
		return nil, bad("golden set %s holds no picture", dir)
	}
	return g, nil
}

func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bad("%s is no golden set: it has no %s (secateur label seal makes one)", dir, manifestName)
	case err != nil:
		return nil, bad("golden set: %w", err)
	}
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, bad("golden set %s: %s is damaged: %w", dir, manifestName, err)
	}
	return m, nil
}

// Exclude takes the pictures of the golden set out of all parts of a data set, by their bytes, and returns their number.
func (g *Golden) Exclude(s *data.Splits) (int, error) {
	removed := 0
	for _, part := range []*[]data.Sample{&s.Train, &s.Val, &s.Test} {
		var kept []data.Sample
		for _, x := range *part {
			sum, err := durable.Sum(x.Path)
			if err != nil {
				return removed, bad("%w", err)
			}
			if g.sums[sum] {
				removed++
				continue
			}
			kept = append(kept, x)
		}
		*part = kept
	}
	return removed, nil
}

// bad is an error that matches data.ErrUnusable.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", data.ErrUnusable, fmt.Errorf(format, args...))
}
