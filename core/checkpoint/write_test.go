package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/durable/durabletest"
)

func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	for _, step := range []string{durable.StepCreate, durable.StepWrite, durable.StepSync, durable.StepRename} {
		for _, cause := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO} {
			path := filepath.Join(t.TempDir(), "x")
			if err := durable.Write(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
			err := write(durabletest.Fail{Step: step, Err: &fs.PathError{Op: "op", Path: "hidden", Err: cause}}, path, small())
			wantError(t, err, "write "+path+": "+step+": "+cause.Error())
			if !errors.Is(err, cause) {
				t.Errorf("%s: errors.Is does not find %v", step, cause)
			}
			durabletest.WantFiles(t, filepath.Dir(path), map[string]string{"x": "old"})
		}
	}
}

func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := durable.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := write(durabletest.Full{}, path, small())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	wantError(t, err, "no space left on device")
	durabletest.WantFiles(t, filepath.Dir(path), map[string]string{"x": "old"})
}

func TestBadContentLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := durable.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f := small()
	f.Tensors[1].Name = f.Tensors[0].Name
	wantError(t, Write(path, f), `tensor "conv1.w" is there twice`)
	durabletest.WantFiles(t, filepath.Dir(path), map[string]string{"x": "old"})
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := durable.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	err := unprivileged(func() error { return Write(path, small()) })
	wantError(t, err, "write "+path+": create a temporary file beside it: permission denied")
	durabletest.WantFiles(t, dir, map[string]string{"x": "old"})
}

// unprivileged runs f with a file-system identity that folder permissions bind, root or not.
func unprivileged(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with its identity
		if os.Getuid() == 0 {
			syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		}
		result <- f()
	}()
	return <-result
}
