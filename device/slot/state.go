package slot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secateur/secateur/device/durable"
)

// State says which model is what. Numbers are those of models, 0 for none.
type State struct {
	Live     uint64 `json:"live"`
	Previous uint64 `json:"previous"`
	Factory  uint64 `json:"factory"`
	Last     uint64 `json:"last"`            // highest number ever given
	Trial    *Trial `json:"trial,omitempty"` // Live is on trial
	Refused  []Fall `json:"refused,omitempty"`

	generation uint64
}

// Trial is what a live model has shown so far.
type Trial struct {
	Starts int   `json:"starts"`           // without being confirmed
	Before *Rate `json:"before,omitempty"` // of the model before it, by which it is judged
}

// Rate is how many parts a model has judged, and how many of them it rejected.
type Rate struct {
	Rejects int `json:"rejects"`
	Parts   int `json:"parts"`
}

// Fall is a model that was rolled back, and why.
type Fall struct {
	Model  uint64 `json:"model"`
	Reason string `json:"reason"`
}

// maxRefused bounds what a state remembers of refused models, maxReason their reasons.
const (
	maxRefused = 32
	maxReason  = 200
)

func (st *State) refuse(n uint64, reason string) {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	st.Refused = append(st.Refused, Fall{n, reason})
	st.Refused = st.Refused[max(0, len(st.Refused)-maxRefused):]
}

func (st *State) refused(n uint64) *Fall {
	i := slices.IndexFunc(st.Refused, func(f Fall) bool { return f.Model == n })
	if i < 0 {
		return nil
	}
	return &st.Refused[i]
}

// pinned tells whether n must not be removed.
func (st *State) pinned(n uint64) bool {
	return n == st.Live || n == st.Previous || n == st.Factory
}

// kept is how many generations of the state stay on the disk.
const kept = 3

// sealed is a state file: the sum is over the bytes of State, so that a damaged one is known.
type sealed struct {
	State json.RawMessage `json:"state"`
	Sum   string          `json:"sha256"`
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// State is the newest whole state. Each warning names a newer one that is damaged.
func (s *Store) State() (*State, []string, error) { return s.state() }

func (s *Store) state() (st *State, warnings []string, err error) {
	list, err := s.generations()
	if err != nil {
		return nil, nil, err
	}
	for _, g := range list {
		st, err := readState(s.statePath(g))
		if err == nil {
			st.generation = list[0]
			return st, warnings, nil
		}
		warnings = append(warnings, err.Error())
	}
	if len(list) == 0 {
		return &State{}, nil, nil
	}
	st, err = s.recover()
	st.generation = list[0]
	return st, append(warnings, fmt.Sprintf("no state file in %s is whole: model %d is taken for live", s.dir, st.Live)), err
}

// recover is a state without any state file: the factory's model is live, or else the oldest whole one. A newer
// one may have been refused.
func (s *Store) recover() (*State, error) {
	st := &State{}
	models, err := s.Models()
	for _, m := range models { // newest first
		st.Last = max(st.Last, m.Number)
		if _, err := s.Verify(m.Number); err != nil {
			continue
		}
		if st.Factory == 0 {
			st.Live = m.Number
		}
		if m.Factory {
			st.Live, st.Factory = m.Number, m.Number
		}
	}
	return st, err
}

func readState(path string) (*State, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f sealed
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if got := sum(f.State); got != f.Sum {
		return nil, fmt.Errorf("%s is damaged: its sha256 is %.12s, want %.12s", path, got, f.Sum)
	}
	st := &State{}
	if err := json.Unmarshal(f.State, st); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return st, nil
}

// save makes st the newest state, and removes the oldest ones.
func (s *Store) save(st *State) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if b, err = json.Marshal(sealed{b, sum(b)}); err != nil {
		return err
	}
	if err := s.write(s.statePath(st.generation+1), append(b, '\n')); err != nil {
		return err
	}
	st.generation++
	list, err := s.generations()
	if err != nil {
		return err
	}
	return s.remove(paths(list[min(kept, len(list)):], s.statePath)...)
}

func (s *Store) statePath(g uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("slots.%06d.json", g))
}

// generations are the numbers of the state files, newest first.
func (s *Store) generations() ([]uint64, error) { return s.numbers("slots.", ".json") }

// numbers are those between prefix and suffix in the folder's names, highest first.
func (s *Store) numbers(prefix, suffix string) (list []uint64, err error) {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	for _, e := range names {
		middle, ok := strings.CutPrefix(e.Name(), prefix)
		if middle, ok = cut(middle, suffix, ok); !ok {
			continue
		}
		var n uint64
		if _, err := fmt.Sscanf(middle, "%d", &n); err == nil && fmt.Sprintf("%06d", n) == middle {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

func cut(s, suffix string, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, suffix)
}

func (s *Store) write(path string, b []byte) error {
	return durable.WriteMode(s.fs, path, 0, b)
}

// remove takes files away; what is gone already is no error.
func (s *Store) remove(list ...string) error {
	for _, path := range list {
		if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("models: %w", err)
		}
	}
	return nil
}

func paths(list []uint64, path func(uint64) string) (out []string) {
	for _, n := range list {
		out = append(out, path(n))
	}
	return out
}
