package firmwareconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/secateur/secateur/device/durable"
)

// stateDir is where replaced files are kept, a numbered folder an apply.
const stateDir = "var/lib/secateur/configure"

// manifest is an apply: written before the first file is touched, so that what was can always be restored.
type manifest struct {
	Schema  int               `json:"schema"`
	Changes []replaced        `json:"changes"`
	Dirs    []string          `json:"dirs"`    // made by it, outer before inner
	Managed map[string]string `json:"managed"` // sha256 of every whole file that is ours from now on
}

// replaced is one file of it. The old content is beside the manifest, by number.
type replaced struct {
	Path string      `json:"path"`
	Had  bool        `json:"had"`
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Old  string      `json:"old_sha256"`
	New  string      `json:"new_sha256"` // "" if the file is removed
}

const (
	manifestName = "manifest.json"
	doneName     = "done"
)

func (s Tree) disk() durable.FS {
	if s.FS == nil {
		return durable.Disk{}
	}
	return s.FS
}

// Apply makes files as they should be, and keeps what it replaces. It may be stopped at any moment: an apply that did not come
// to its end is taken back by the next Apply or Undo. It returns the changes that it made.
func (s Tree) Apply(files []File) ([]Change, []string, error) {
	if err := s.recover(); err != nil {
		return nil, nil, err
	}
	changes, warnings, err := s.Plan(files)
	if err != nil || len(changes) == 0 {
		return nil, warnings, err
	}
	dir, err := s.keep(files, changes)
	if err != nil {
		return nil, warnings, fmt.Errorf("keep what is replaced: %w", err)
	}
	for _, c := range changes {
		if err := s.put(c.Path, c.New, c.Mode, c.Remove); err != nil {
			return nil, warnings, errors.Join(err, s.recover())
		}
	}
	return changes, warnings, durable.WriteMode(s.disk(), filepath.Join(dir, doneName), 0o644, nil)
}

// keep makes the numbered folder with the old files and, last, the manifest.
func (s Tree) keep(files []File, changes []Change) (dir string, err error) {
	numbers, err := s.numbers()
	if err != nil {
		return "", err
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	dir = s.dir(next)
	if _, err := s.mkdirs(dir); err != nil {
		return "", err
	}
	m := manifest{Schema: 1, Managed: map[string]string{}}
	for _, f := range files {
		if f.Kind == Whole {
			m.Managed[f.Path] = checksum([]byte(f.Text))
		}
	}
	for i, c := range changes {
		r := replaced{Path: c.Path, Had: c.Had, Mode: c.OldMode, Old: checksum(c.Old), New: checksum(c.New)}
		if c.Remove {
			r.New = ""
		}
		r.UID, r.GID = owner(filepath.Join(s.Root, c.Path))
		if c.Had {
			if err := durable.WriteMode(s.disk(), filepath.Join(dir, strconv.Itoa(i)), 0o600, c.Old); err != nil {
				return "", err
			}
		}
		m.Changes = append(m.Changes, r)
		m.Dirs = append(m.Dirs, s.missing(filepath.Join(s.Root, c.Path), m.Dirs)...)
	}
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return "", err
	}
	return dir, durable.WriteMode(s.disk(), filepath.Join(dir, manifestName), 0o600, append(b, '\n'))
}

// missing is the folders that a file needs, as paths below the root, but those listed already.
func (s Tree) missing(full string, listed []string) []string {
	var dirs []string
	for dir := filepath.Dir(full); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		rel, err := filepath.Rel(s.Root, dir)
		if err != nil || rel == "." {
			break
		}
		if !slices.Contains(listed, rel) {
			dirs = append(dirs, rel)
		}
	}
	slices.Reverse(dirs)
	return dirs
}

// put makes one file as it should be, durably.
func (s Tree) put(path string, text []byte, mode fs.FileMode, remove bool) error {
	full, err := s.full(path)
	if err != nil {
		return err
	}
	if remove {
		err := s.disk().Remove(full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("configure: %w", err)
		}
		return s.disk().SyncDir(filepath.Dir(full))
	}
	if _, err := s.mkdirs(filepath.Dir(full)); err != nil {
		return err
	}
	return durable.WriteMode(s.disk(), full, mode, text)
}

// mkdirs makes a folder and those around it, durably, and lists what it made.
func (s Tree) mkdirs(dir string) (made []string, err error) {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil, nil
	}
	outer, err := s.mkdirs(filepath.Dir(dir))
	if err != nil {
		return outer, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return outer, fmt.Errorf("configure: %w", err)
	}
	return append(outer, dir), s.disk().SyncDir(filepath.Dir(dir))
}

func (s Tree) dir(n int) string { return filepath.Join(s.Root, stateDir, fmt.Sprintf("%06d", n)) }

// numbers are the applies that are kept, oldest first.
func (s Tree) numbers() ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(s.Root, stateDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configure: %w", err)
	}
	var list []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && e.IsDir() {
			list = append(list, n)
		}
	}
	return list, nil
}

// managed is what the newest apply says to be ours.
func (s Tree) managed() (map[string]string, error) {
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(numbers) {
		if m, err := readManifest(s.dir(n)); err == nil {
			return m.Managed, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, nil
}

func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("configure: %s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}
