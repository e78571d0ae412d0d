package checkpoint

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

// Durable puts data into the file at path so that after a power cut at any moment the file is
// either as it was or holds all of data: a temporary file beside it is written and synced,
// renamed over it, and the folder is synced, without which the rename may be lost. On an error
// before the rename the old file is untouched and the temporary file is removed. The error
// says which step failed and wraps the system's, such as syscall.ENOSPC.
func Durable(path string, data []byte) error {
	return durable(disk{}, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// fsys is the steps of a durable write; tests stop it after each.
type fsys interface {
	Create(path string) (file, error) // fails when path exists
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

const bufferBytes = 64 << 10

func durable(fs fsys, path string, fill func(io.Writer) error) error {
	tmp := tempName(path)
	step, err := replace(fs, tmp, path, fill)
	if err == nil {
		return nil
	}
	if step != stepCreate && step != stepSyncDir {
		fs.Remove(tmp)
	}
	return fmt.Errorf("write %s: %s: %w", path, step, plain(err))
}

// The steps of a durable write that can fail, as an error names them.
const (
	stepCreate  = "create a temporary file beside it"
	stepWrite   = "write the temporary file"
	stepSync    = "sync the temporary file"
	stepRename  = "rename the temporary file"
	stepSyncDir = "sync the folder"
)

// replace takes the steps in turn and says which one failed.
func replace(fs fsys, tmp, path string, fill func(io.Writer) error) (step string, err error) {
	f, err := fs.Create(tmp)
	if err != nil {
		return stepCreate, err
	}
	buf := bufio.NewWriterSize(f, bufferBytes)
	if err = fill(buf); err == nil {
		err = buf.Flush()
	}
	if err != nil {
		f.Close()
		return stepWrite, err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return stepSync, err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return stepRename, err
	}
	return stepSyncDir, fs.SyncDir(filepath.Dir(path))
}

// tempName is a hidden name beside path that no one else uses.
func tempName(path string) string {
	dir, base := filepath.Split(path)
	return filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", base, rand.Uint64()))
}

// isTemp tells whether name is one that tempName makes for a file whose name starts with base.
func isTemp(name, base string) bool {
	return strings.HasPrefix(name, "."+base) && strings.HasSuffix(name, ".tmp")
}

// disk is the file system itself.
type disk struct{}

func (disk) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

// SyncDir makes the names in a folder durable. File systems that cannot sync a folder say
// EINVAL or ENOTSUP; there is nothing more to be done on those.
func (disk) SyncDir(path string) error {
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
