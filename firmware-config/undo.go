package firmwareconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/secateur/secateur/device/durable"
)

// ErrNothing says that there is no apply to take back.
var ErrNothing = errors.New("no apply is kept")

// Undo takes the newest apply back and returns the paths that it restored. A file that was changed since is an error, unless
// force is set: then it is kept beside, as PATH.edited. Undo may be stopped at any moment and called again.
func (s Tree) Undo(force bool) ([]string, error) {
	unfinished, err := s.takeBackUnfinished()
	if err != nil || len(unfinished) > 0 {
		return unfinished, err
	}
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("undo: %w in %s", ErrNothing, filepath.Join(s.Root, stateDir))
	}
	dir := s.dir(numbers[len(numbers)-1])
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("undo: %w", err)
	}
	if err := s.keepEdited(m, force); err != nil {
		return nil, err
	}
	return s.restore(dir, m)
}

// recover takes back what did not come to its end.
func (s Tree) recover() error {
	_, err := s.takeBackUnfinished()
	return err
}

// takeBackUnfinished restores applies without the mark of their end, and clears away what never became one.
func (s Tree) takeBackUnfinished() (paths []string, err error) {
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(numbers) {
		dir := s.dir(n)
		m, err := readManifest(dir)
		if errors.Is(err, fs.ErrNotExist) {
			if err := s.clear(dir); err != nil {
				return paths, err
			}
			continue
		}
		if err != nil {
			return paths, err
		}
		if _, err := os.Stat(filepath.Join(dir, doneName)); err == nil {
			break
		}
		restored, err := s.restore(dir, m)
		if paths = append(paths, restored...); err != nil {
			return paths, err
		}
	}
	return paths, nil
}

// keepEdited looks for files that are neither as they were nor as they were made.
func (s Tree) keepEdited(m *manifest, force bool) error {
	for _, r := range m.Changes {
		c, err := s.read(r.Path)
		if err != nil {
			return err
		}
		now := checksum(c.Old)
		if c.Had && (now == r.New || r.Had && now == r.Old) || !c.Had && (r.New == "" || !r.Had) {
			continue
		}
		if !force {
			return fmt.Errorf("undo: %s was changed since it was put there; --force takes it back all the same and keeps it as %s.edited", r.Path, r.Path)
		}
		if c.Had {
			if err := s.put(r.Path+".edited", c.Old, c.OldMode, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// restore puts the old files back, then forgets the apply. Every step can be done again.
func (s Tree) restore(dir string, m *manifest) (paths []string, err error) {
	for i, r := range m.Changes {
		var old []byte
		if r.Had {
			if old, err = os.ReadFile(filepath.Join(dir, strconv.Itoa(i))); err != nil {
				return paths, fmt.Errorf("restore %s: %w", r.Path, err)
			}
			if checksum(old) != r.Old {
				return paths, fmt.Errorf("restore %s: what was kept in %s is damaged; restore it by hand", r.Path, filepath.Join(dir, strconv.Itoa(i)))
			}
		}
		if err := s.put(r.Path, old, r.Mode, !r.Had); err != nil {
			return paths, fmt.Errorf("restore: %w", err)
		}
		s.sweep(r.Path)
		if full := filepath.Join(s.Root, r.Path); r.Had {
			if uid, gid := owner(full); uid != r.UID || gid != r.GID {
				_ = os.Lchown(full, r.UID, r.GID) // root can, nobody else had to
			}
		}
		paths = append(paths, r.Path)
	}
	for _, d := range slices.Backward(m.Dirs) {
		_ = s.disk().Remove(filepath.Join(s.Root, d)) // stays if somebody put something in
	}
	return paths, s.clear(dir)
}

// sweep removes temporary files that a stop left beside a path.
func (s Tree) sweep(path string) {
	dir, base := filepath.Split(filepath.Join(s.Root, path))
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if durable.IsTemp(e.Name(), base+".") {
			_ = s.disk().Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// clear removes an apply's folder, the manifest first: without it the rest means nothing.
func (s Tree) clear(dir string) error {
	disk := s.disk()
	if err := disk.Remove(filepath.Join(dir, manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configure: %w", err)
	}
	if err := disk.SyncDir(dir); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	for _, e := range entries {
		if err := disk.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("configure: %w", err)
		}
	}
	if err := disk.Remove(dir); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return disk.SyncDir(filepath.Dir(dir))
}

func owner(path string) (uid, gid int) {
	info, err := os.Lstat(path)
	if err != nil {
		return os.Getuid(), os.Getgid()
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return os.Getuid(), os.Getgid()
	}
	return int(st.Uid), int(st.Gid)
}
