// Package slot keeps the models of a box: the live one, the one before it, the factory's, and those that are staged.
//
// A model is a file NNNNNN.model that never changes, with NNNNNN.json beside it that says its sha256; numbers only
// grow. Which model is live is said by the newest whole slots.NNNNNN.json. Every change is one durable write of that
// file, so that a power cut at any moment leaves the box with one whole live model: the old or the new.
//
//	stage ──► activate ──► on trial ──► confirm
//	                          └───────► rollback, also by itself after too many starts
//
// The package knows bytes: whether a model loads and passes its golden set is asked of its caller.
package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"aead.dev/minisign"
	"github.com/secateur/secateur/device/durable"
	"golang.org/x/sys/unix"
)

// ErrBusy says that another process is changing the models.
var ErrBusy = errors.New("another process is changing the models")

// ErrNone says that there is no model to be live.
var ErrNone = errors.New("no whole model")

// Options of a store.
type Options struct {
	// Key, where there is one, must have signed every model that is staged.
	Key *minisign.PublicKey
	// MaxBytes bounds a model file; 0 is 1 GiB.
	MaxBytes int64
	// Trials is how often a model on trial may start without being confirmed; 0 is 3.
	Trials int
	// Keep is how many staged models that were never live, or refused ones, stay; 0 is 3.
	Keep int
	// Wait is how long a change waits for another process's; 0 is 5 seconds.
	Wait time.Duration
}

const (
	defaultBytes  = 1 << 30
	defaultTrials = 3
	defaultKeep   = 3
	defaultWait   = 5 * time.Second
)

// Store is the models of one box, in one folder. Its methods may be called by several processes;
// a change waits for another process's, and is ErrBusy after that.
type Store struct {
	dir string
	Options
	fs durable.FS
}

// Open reads the folder, which is made if it is not there.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultBytes
	}
	if o.Trials == 0 {
		o.Trials = defaultTrials
	}
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	return &Store{dir: dir, Options: o, fs: durable.Disk{}}, nil
}

// change runs f on the newest state while no other process changes the models, and makes what f
// left of the state durable. On an error nothing has changed.
func (s *Store) change(f func(*State) error) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	st, _, err := s.state()
	if err != nil {
		return err
	}
	if err := f(st); err != nil {
		return err
	}
	return s.save(st)
}

// lock is held until unlock, or until the process ends.
func (s *Store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, ".lock"), os.O_CREATE|os.O_RDONLY, 0o644) // another account of the group may only read it
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	if err := s.flock(int(f.Fd())); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// flock tries until Wait is over: no other process holds the lock for longer than it takes to copy a model.
func (s *Store) flock(fd int) error {
	for end := time.Now().Add(s.Wait); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("models: lock %s: %w", s.dir, err)
		case time.Now().After(end):
			return ErrBusy
		}
	}
}
