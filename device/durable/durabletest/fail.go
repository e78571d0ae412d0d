package durabletest

import (
	"os"

	"github.com/secateur/secateur/device/durable"
)

// Fail is a disk that fails one step of a write with Err, and does all others.
type Fail struct {
	durable.Disk
	Step string
	Err  error
}

func (f Fail) at(step string) error {
	if step == f.Step {
		return f.Err
	}
	return nil
}

func (f Fail) Create(path string) (durable.File, error) {
	if err := f.at(durable.StepCreate); err != nil {
		return nil, err
	}
	x, err := f.Disk.Create(path)
	return failFile{x, f}, err
}

func (f Fail) Rename(from, to string) error {
	if err := f.at(durable.StepRename); err != nil {
		return err
	}
	return f.Disk.Rename(from, to)
}

type failFile struct {
	durable.File
	fs Fail
}

func (f failFile) Write(b []byte) (int, error) {
	if err := f.fs.at(durable.StepWrite); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f failFile) Sync() error {
	if err := f.fs.at(durable.StepSync); err != nil {
		return err
	}
	return f.File.Sync()
}

// Unsynced is a disk that leaves syncing out: for tests that write much and cut no real power.
type Unsynced struct{ durable.Disk }

// Create makes a file whose Sync does nothing.
func (u Unsynced) Create(path string) (durable.File, error) {
	f, err := u.Disk.Create(path)
	return unsyncedFile{f}, err
}

// SyncDir does nothing.
func (Unsynced) SyncDir(string) error { return nil }

type unsyncedFile struct{ durable.File }

func (unsyncedFile) Sync() error { return nil }

// Full is a disk whose files are the kernel's device that is always full.
type Full struct{ durable.Disk }

func (f Full) Create(path string) (durable.File, error) {
	x, err := f.Disk.Create(path)
	if err != nil {
		return nil, err
	}
	x.Close()
	return os.OpenFile("/dev/full", os.O_WRONLY, 0)
}
