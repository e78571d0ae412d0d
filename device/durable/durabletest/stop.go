// Package durabletest has disks that fail, fill up, or stop the process between any two steps of a durable write.
package durabletest

import (
	"os"

	"github.com/secateur/secateur/device/durable"
)

// stopped is what a simulated kill or power cut ends with.
type stopped struct{}

// stopDisk stops the process before its step number left, counting down. With cut, power goes
// too: what was not synced is lost, contents and renames.
type stopDisk struct {
	Unsynced
	left    int
	cut     bool
	unsaved map[string]bool // files whose content is not synced
	undo    []func()        // takes renames back that are not synced
}

// Until runs f with a disk that stops at step n, and says whether f came to its end. With cut
// the power goes at that step, or right after f.
func Until(n int, cut bool, f func(durable.FS) error) (done bool, err error) {
	s := &stopDisk{left: n, cut: cut, unsaved: map[string]bool{}}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	err = f(s)
	if cut {
		s.cutPower()
	}
	return true, err
}

func (s *stopDisk) step() {
	if s.left == 0 {
		if s.cut {
			s.cutPower()
		}
		panic(stopped{})
	}
	s.left--
}

func (s *stopDisk) cutPower() {
	for path := range s.unsaved {
		if info, err := os.Stat(path); err == nil {
			os.Truncate(path, info.Size()/2)
		}
	}
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.undo[i]()
	}
}

func (s *stopDisk) Create(path string) (durable.File, error) {
	s.step()
	s.unsaved[path] = true
	f, err := s.Unsynced.Create(path)
	return &stopFile{f, s, path}, err
}

func (s *stopDisk) Rename(from, to string) error {
	s.step()
	old, err := os.ReadFile(to)
	s.undo = append(s.undo, func() {
		os.Rename(to, from)
		if err == nil {
			os.WriteFile(to, old, 0o666)
		}
	})
	return s.Unsynced.Rename(from, to)
}

// Remove lasts, synced or not: the worse of the two.
func (s *stopDisk) Remove(path string) error {
	s.step()
	return s.Unsynced.Remove(path)
}

func (s *stopDisk) SyncDir(path string) error {
	s.step()
	s.undo = nil
	return nil
}

type stopFile struct {
	durable.File
	fs   *stopDisk
	path string
}

// Write can be stopped before, in the middle and after.
func (f *stopFile) Write(b []byte) (int, error) {
	f.fs.step()
	n, err := f.File.Write(b[:len(b)/2])
	if err != nil {
		return n, err
	}
	f.fs.step()
	m, err := f.File.Write(b[n:])
	return n + m, err
}

func (f *stopFile) Sync() error {
	f.fs.step()
	delete(f.fs.unsaved, f.path)
	return f.File.Sync()
}

func (f *stopFile) Close() error {
	f.fs.step()
	return f.File.Close()
}
