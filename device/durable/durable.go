// Package durable writes files so that a power cut at any moment leaves the old content or the new one, whole.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Write puts data into the file at path so that after a power cut at any moment the file is
// either as it was or holds all of data: a temporary file beside it is written and synced,
// renamed over it, and the folder is synced, without which the rename may be lost. On an error
// before the rename the old file is untouched and the temporary file is removed. The error
// says which step failed and wraps the system's, such as syscall.ENOSPC.
func Write(path string, data []byte) error {
	return WriteMode(Disk{}, path, 0, data)
}

// WriteMode is Write on the steps of fs, with the mode of the new file whatever the umask is; 0 is what the umask leaves.
func WriteMode(fs FS, path string, mode os.FileMode, data []byte) error {
	return stream(fs, path, mode, all(data))
}

// all is a fill of that content.
func all(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// Stream is Write with content that fill makes, on the steps of fs.
func Stream(fs FS, path string, fill func(io.Writer) error) error { return stream(fs, path, 0, fill) }

func stream(fs FS, path string, mode os.FileMode, fill func(io.Writer) error) error {
	tmp := tempName(path)
	step, err := replace(fs, tmp, path, mode, fill)
	if err == nil {
		return nil
	}
	if step != StepCreate && step != StepSyncDir {
		fs.Remove(tmp)
	}
	return fmt.Errorf("write %s: %s: %w", path, step, Plain(err))
}

// FS is the steps of a durable write; tests stop it after each.
type FS interface {
	Create(path string) (File, error) // fails when path exists
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

// File is what is written to.
type File interface {
	io.WriteCloser
	Sync() error
	Chmod(os.FileMode) error
}

// BufferBytes is the most that one call of File.Write gets.
const BufferBytes = 64 << 10

// The steps of a durable write that can fail, as an error names them.
const (
	StepCreate  = "create a temporary file beside it"
	StepWrite   = "write the temporary file"
	StepSync    = "sync the temporary file"
	StepRename  = "rename the temporary file"
	StepSyncDir = "sync the folder"
)

// replace takes the steps in turn and says which one failed.
func replace(fs FS, tmp, path string, mode os.FileMode, fill func(io.Writer) error) (step string, err error) {
	if step, err := put(fs, tmp, mode, fill); err != nil {
		return step, err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return StepRename, err
	}
	return StepSyncDir, fs.SyncDir(filepath.Dir(path))
}

// put writes and syncs a temporary file, and says which step failed.
func put(fs FS, tmp string, mode os.FileMode, fill func(io.Writer) error) (step string, err error) {
	f, err := fs.Create(tmp)
	if err != nil {
		return StepCreate, err
	}
	buf := bufio.NewWriterSize(f, BufferBytes)
	if err = fill(buf); err == nil {
		err = buf.Flush()
	}
	if err == nil && mode != 0 {
		err = f.Chmod(mode)
	}
	if err != nil {
		f.Close()
		return StepWrite, err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return StepSync, err
}

// tempName is a hidden name beside path that no one else uses.
func tempName(path string) string {
	dir, base := filepath.Split(path)
	return filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", base, rand.Uint64()))
}

// IsTemp tells whether name is one that tempName makes for a file whose name starts with base.
func IsTemp(name, base string) bool {
	return strings.HasPrefix(name, "."+base) && strings.HasSuffix(name, ".tmp")
}

// Disk is the file system itself.
type Disk struct{}

func (Disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (Disk) Rename(from, to string) error { return os.Rename(from, to) }
func (Disk) Remove(path string) error     { return os.Remove(path) }

// SyncDir makes the names in a folder durable. File systems that cannot sync a folder say
// EINVAL or ENOTSUP; there is nothing more to be done on those.
func (Disk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Plain takes the name of the file, which the caller gives better, from an error of package os.
func Plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
