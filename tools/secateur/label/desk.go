// Package label is where people say what is on pictures that the line has kept: which ones wait, where they go once they
// have a class, and the page on which that is done.
package label

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/line"
)

// Picture is one that waits for a class.
type Picture struct {
	File string `json:"file"`           // name in the folder of pictures
	Why  string `json:"why"`            // doubtful, reject, pass
	Says string `json:"says,omitempty"` // the model
	Part uint64 `json:"part"`
	run  uint64
}

// Waiting are the pictures of a folder that `run` keeps, of those reasons, oldest first.
func Waiting(dir string, why ...string) ([]Picture, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	var list []Picture
	for _, e := range names { // sorted by name: by run and part
		n, ok := line.ParseName(e.Name())
		if ok && e.Type().IsRegular() && slices.Contains(why, n.Why) {
			list = append(list, Picture{e.Name(), n.Why, n.Says, n.Part, n.Run})
		}
	}
	return list, nil
}

// Desk moves pictures from the folder of `run` to the class that somebody gives them. It may be used by several
// goroutines. A power cut leaves each picture in the folder, or where it went, or both; then it is given a class again.
type Desk struct {
	Pictures string   // the folder that run keeps pictures in
	Set      string   // DIR/CLASS/*: training data
	Golden   string   // a sealed golden set; "": there is none
	Classes  []string // that can be given
	Why      []string // reasons of the pictures that are asked for

	mu   sync.Mutex
	done []move
}

// move is a picture that was given a class.
type move struct {
	from   string // name in Pictures
	name   string // name in the class
	class  string
	golden bool
}

// ErrNotHere is a picture that does not wait: it was given a class, or made room for newer ones.
var ErrNotHere = errors.New("the picture is not here any more")

// ErrClass is a class that cannot be given.
var ErrClass = errors.New("no such class")

var classRule = regexp.MustCompile(`^[^/\x00-\x1f.][^/\x00-\x1f]*$`)

// mostClass is the letters of a class.
const mostClass = 64

// CheckClass refuses a name that could be no folder.
func CheckClass(class string) error {
	if utf8.RuneCountInString(class) > mostClass || !classRule.MatchString(class) {
		return fmt.Errorf("%w: %q, want 1 to 64 letters without / and not beginning with a point", ErrClass, class)
	}
	return nil
}

// Waiting are the pictures that are asked for now.
func (d *Desk) Waiting() ([]Picture, error) { return Waiting(d.Pictures, d.Why...) }

// Given is how many were given a class and not taken back.
func (d *Desk) Given() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.done)
}

// Give puts a picture into a class of the training set or, if golden, of the golden set.
func (d *Desk) Give(file, class string, golden bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.Classes, class) {
		return fmt.Errorf("%w: %q, want one of %q", ErrClass, class, d.Classes)
	}
	picture, err := d.take(file)
	if err != nil {
		return err
	}
	m := move{from: file, name: unique(file, picture), class: class, golden: golden}
	if err := d.settle(m, picture); err != nil {
		return err
	}
	d.done = append(d.done, m)
	return removed(filepath.Join(d.Pictures, file))
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

// settle writes a picture to its class, and takes it out of another one that a power cut has left it in.
func (d *Desk) settle(m move, picture []byte) error {
	others, err := filepath.Glob(filepath.Join(d.Set, "*", m.name))
	if err != nil {
		return err
	}
	if m.golden {
		err = accept.Add(d.Golden, m.class, m.name, picture)
	} else {
		err = write(filepath.Join(d.Set, m.class), m.name, picture)
	}
	for _, o := range others {
		if o != d.path(m) && err == nil {
			err = removed(o)
		}
	}
	return err
}

func (d *Desk) path(m move) string {
	if m.golden {
		return filepath.Join(d.Golden, m.class, m.name)
	}
	return filepath.Join(d.Set, m.class, m.name)
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

// removed removes a file; the ring may have been faster.
func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Undo takes the last class back: the picture waits again. It is "" where there is nothing to take back.
func (d *Desk) Undo() (file string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.done) == 0 {
		return "", nil
	}
	m := d.done[len(d.done)-1]
	picture, err := os.ReadFile(d.path(m))
	if err != nil {
		return "", fmt.Errorf("undo: %w", err)
	}
	if err := durable.Write(filepath.Join(d.Pictures, m.from), picture); err != nil {
		return "", fmt.Errorf("undo: %w", err)
	}
	if m.golden {
		err = accept.Remove(d.Golden, m.class, m.name)
	} else {
		err = os.Remove(d.path(m))
	}
	if err != nil {
		return "", fmt.Errorf("undo: %w", err)
	}
	d.done = d.done[:len(d.done)-1]
	return m.from, nil
}
