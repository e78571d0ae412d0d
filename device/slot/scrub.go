package slot

import (
	"os"
	"path/filepath"

	"github.com/secateur/secateur/device/durable"
)

// Damage is a model that Scrub found wanting.
type Damage struct {
	Model uint64 `json:"model"`
	What  string `json:"what"`
	Role  string `json:"role"` // live, previous, factory, staged
}

// Scrub reads every model through and names the damaged ones. Those that are neither live nor
// kept are put aside with ".damaged" behind their name, so that no one activates them.
func (s *Store) Scrub() ([]Damage, error) {
	var list []Damage
	err := s.change(func(st *State) error {
		models, err := s.Models()
		if err != nil {
			return err
		}
		for _, m := range models {
			_, err := s.Verify(m.Number)
			if err == nil {
				continue
			}
			list = append(list, Damage{m.Number, err.Error(), st.Role(m.Number)})
			if !st.pinned(m.Number) {
				if err := s.fs.Rename(s.aboutPath(m.Number), s.aboutPath(m.Number)+".damaged"); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

// Role is what model n is: live, trial, previous, factory, refused, staged.
func (st *State) Role(n uint64) string {
	switch {
	case n == st.Live && st.Trial != nil:
		return "trial"
	case n == st.Live:
		return "live"
	case n == st.Previous:
		return "previous"
	case n == st.Factory:
		return "factory"
	case st.refused(n) != nil:
		return "refused"
	}
	return "staged"
}

// sweep removes what no one needs: temporary files, model files that never came to be staged,
// and all but the newest Keep of those that are neither live, previous nor the factory's.
func (s *Store) sweep(st *State) error {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range names {
		if durable.IsTemp(e.Name(), "") {
			s.fs.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
	files, err := s.numbers("", ".model")
	if err != nil {
		return err
	}
	spare := 0
	for _, n := range files {
		_, err := s.Model(n)
		if err == nil && (st.pinned(n) || spare < s.Keep) {
			if !st.pinned(n) {
				spare++
			}
			continue
		}
		if st.pinned(n) {
			continue
		}
		if err := s.remove(s.aboutPath(n), s.modelPath(n)); err != nil {
			return err
		}
	}
	return nil
}
