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
	Samples []data.Sample
	sums    map[string]bool
}

// manifest is golden.json.
type manifest struct {
	Schema  int      `json:"schema"`
	Classes []string `json:"classes"`
	Files   []entry  `json:"files"`
}

type entry struct {
	File   string `json:"file"` // below the folder
	Class  string `json:"class"`
	SHA256 string `json:"sha256"`
}

// Seal makes DIR/CLASS/* a golden set: what lies in the folder now is what every later Open wants to find.
func Seal(dir string) (*Golden, error) {
	splits, err := data.Open(dir, data.Options{Test: -1})
	if err != nil {
		return nil, err
	}
	m := manifest{Schema: 1, Classes: splits.Classes}
	for _, s := range slices.Concat(splits.Train, splits.Val, splits.Test) {
		sum, err := durable.Sum(s.Path)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, entry{s.Name, splits.Classes[s.Class], sum})
	}
	if err := m.write(dir); err != nil {
		return nil, err
	}
	return Open(dir)
}

func (m *manifest) write(dir string) error {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, manifestName), append(b, '\n'))
}

// Classes are those of a sealed golden set, in their order.
func Classes(dir string) ([]string, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	return m.Classes, nil
}

// Add puts a picture into a sealed golden set, and its sum with it; until the sum stands there the picture counts for
// nothing, so that a power cut leaves the set whole. The class is one of the set's: another one would be refused to every
// model that is there.
func Add(dir, class, name string, picture []byte) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if !slices.Contains(m.Classes, class) {
		return bad("golden set %s: class %q is not one of its %q", dir, class, m.Classes)
	}
	e := entry{class + "/" + name, class, fmt.Sprintf("%x", sha256.Sum256(picture))}
	if err := durable.Write(filepath.Join(dir, class, name), picture); err != nil {
		return fmt.Errorf("golden set: %w", err)
	}
	m.Files = append(slices.DeleteFunc(m.Files, func(f entry) bool { return f.File == e.File }), e)
	return m.write(dir)
}

// Remove takes a picture that Add put there out again.
func Remove(dir, class, name string) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	m.Files = slices.DeleteFunc(m.Files, func(f entry) bool { return f.File == class+"/"+name })
	if err := m.write(dir); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, class, name))
}

// Open reads a sealed golden set and holds every picture against its sha256. A picture that is gone or has changed is an
// error that matches data.ErrUnusable: a gate must not judge by it. One that was never sealed is not looked at.
func Open(dir string) (*Golden, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	g := &Golden{Classes: m.Classes, sums: map[string]bool{}}
	for _, e := range m.Files {
		class := slices.Index(m.Classes, e.Class)
		if class < 0 || !filepath.IsLocal(e.File) {
			return nil, bad("golden set %s: %s names %q of class %q", dir, manifestName, e.File, e.Class)
		}
		path := filepath.Join(dir, filepath.FromSlash(e.File))
		sum, err := durable.Sum(path)
		if err != nil {
			return nil, bad("golden set: %w", err)
		}
		if sum != e.SHA256 {
			return nil, bad("golden set: %s has changed since it was sealed", path)
		}
		g.sums[sum] = true
		g.Samples = append(g.Samples, data.Sample{Path: path, Name: e.File, Class: class})
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
