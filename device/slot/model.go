package slot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"aead.dev/minisign"
	"github.com/secateur/secateur/device/durable"
)

// Model is what stands beside a model file.
type Model struct {
	Number    uint64          `json:"number"`
	Name      string          `json:"name"` // of the file that was staged
	SHA256    string          `json:"sha256"`
	Bytes     int64           `json:"bytes"`
	Factory   bool            `json:"factory,omitempty"`
	Staged    time.Time       `json:"staged"` // by the box's clock, which may be wrong: order is by number
	Signature string          `json:"signature,omitempty"`
	Report    json.RawMessage `json:"report,omitempty"` // of the golden set, and what else its maker says
}

// About is what a stager says of a model.
type About struct {
	Name      string
	Signature []byte // minisign's text; nil: unsigned
	Report    json.RawMessage
	Factory   bool // the model that the box falls back to for ever; there is one at most
}

// Stage copies a model from a file (never from a network: no other change is made meanwhile) into
// the store and returns its number. Nothing is live by that. A model
// that is too large, or lacks the signature that is demanded, is an error and leaves nothing.
func (s *Store) Stage(r io.Reader, about About) (*Model, error) {
	m := &Model{Name: about.Name, Staged: time.Now().UTC().Truncate(time.Second), Signature: string(about.Signature),
		Report: about.Report, Factory: about.Factory}
	err := s.change(func(st *State) error {
		if about.Factory && st.Factory != 0 {
			return fmt.Errorf("models: model %d is the factory's already", st.Factory)
		}
		if err := s.sweep(st); err != nil {
			return err
		}
		var err error
		if m.Number, err = s.next(st); err != nil {
			return err
		}
		st.Last = m.Number
		if about.Factory {
			st.Factory = m.Number
		}
		if err := s.copyIn(r, m); err != nil {
			return err
		}
		b, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		return s.write(s.aboutPath(m.Number), append(b, '\n'))
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// next is a number that no model ever had, on the disk or in a state.
func (s *Store) next(st *State) (uint64, error) {
	known, err := s.numbers("", ".json")
	if err != nil {
		return 0, err
	}
	return max(st.Last, slices.Max(append(known, 0))) + 1, nil
}

// copyIn writes the file of m, and fills its sum and size.
func (s *Store) copyIn(r io.Reader, m *Model) error {
	signed := minisign.NewReader(io.LimitReader(r, s.MaxBytes+1))
	h := sha256.New()
	return durable.Stream(s.fs, s.modelPath(m.Number), func(w io.Writer) error {
		var err error
		if m.Bytes, err = io.Copy(io.MultiWriter(w, h), signed); err != nil {
			return err
		}
		switch {
		case m.Bytes > s.MaxBytes:
			return fmt.Errorf("the model is larger than %d bytes", s.MaxBytes)
		case m.Bytes == 0:
			return errors.New("the model is empty")
		}
		m.SHA256 = hex.EncodeToString(h.Sum(nil))
		return s.checkSigned(signed, m)
	})
}

// checkSigned refuses a model that the key, if there is one, has not signed.
func (s *Store) checkSigned(r *minisign.Reader, m *Model) error {
	switch {
	case s.Key == nil:
		return nil
	case m.Signature == "":
		return fmt.Errorf("%s has no signature, and this box wants one by key %X", m.Name, s.Key.ID())
	case !r.Verify(*s.Key, []byte(m.Signature)):
		return fmt.Errorf("the signature of %s is not by key %X", m.Name, s.Key.ID())
	}
	return nil
}

// Model is what is known of model n.
func (s *Store) Model(n uint64) (*Model, error) {
	b, err := os.ReadFile(s.aboutPath(n))
	if err != nil {
		return nil, fmt.Errorf("models: there is no model %d: %w", n, durable.Plain(err))
	}
	m := &Model{}
	if err := json.Unmarshal(b, m); err != nil || m.Number != n {
		return nil, fmt.Errorf("models: %s is damaged", s.aboutPath(n))
	}
	return m, nil
}

// Models are those that are staged, whole or not, newest first.
func (s *Store) Models() (list []*Model, err error) {
	numbers, err := s.numbers("", ".json")
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if m, err := s.Model(n); err == nil {
			list = append(list, m)
		}
	}
	return list, nil
}

// Path is the file of model n.
func (s *Store) Path(n uint64) string { return s.modelPath(n) }

// Verify reads the file of model n through: its size, sha256, and signature where a key is set.
func (s *Store) Verify(n uint64) (*Model, error) {
	m, err := s.Model(n)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(s.modelPath(n))
	if err != nil {
		return nil, fmt.Errorf("models: model %d: %w", n, durable.Plain(err))
	}
	defer f.Close()
	signed, h := minisign.NewReader(f), sha256.New()
	bytes, err := io.Copy(h, signed)
	if err != nil {
		return nil, fmt.Errorf("models: model %d: %w", n, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.SHA256 {
		return nil, fmt.Errorf("models: model %d is damaged: %d bytes with sha256 %.12s, want %d with %.12s", n, bytes, got, m.Bytes, m.SHA256)
	}
	if err := s.checkSigned(signed, m); err != nil {
		return nil, fmt.Errorf("models: model %d: %w", n, err)
	}
	return m, nil
}

func (s *Store) modelPath(n uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d.model", n))
}

func (s *Store) aboutPath(n uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d.json", n))
}
