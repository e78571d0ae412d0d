package slot

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/durable/durabletest"
)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.fs = durabletest.Unsynced{}
	return s
}

func stage(t *testing.T, s *Store, content string, about About) uint64 {
	t.Helper()
	m, err := s.Stage(strings.NewReader(content), about)
	if err != nil {
		t.Fatal(err)
	}
	return m.Number
}

// line is a store with a factory model 1, confirmed model 2 as the live one, and 3 staged.
func line(t *testing.T) *Store {
	t.Helper()
	s := open(t, Options{})
	stage(t, s, "factory", About{Name: "f", Factory: true})
	do(t, s.Activate(1))
	stage(t, s, "two", About{Name: "two"})
	do(t, s.Activate(2))
	do(t, s.Confirm())
	stage(t, s, "three", About{Name: "three"})
	return s
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
}

func wantState(t *testing.T, s *Store, live, previous, factory uint64, trial bool) {
	t.Helper()
	st, warnings, err := s.State()
	do(t, err)
	if len(warnings) > 0 {
		t.Errorf("warnings %q", warnings)
	}
	if st.Live != live || st.Previous != previous || st.Factory != factory || (st.Trial != nil) != trial {
		t.Errorf("state %+v, want live %d, previous %d, factory %d, trial %v", *st, live, previous, factory, trial)
	}
}

// TestLife is a model's life: staged, on trial, confirmed; the next one rolled back.
func TestLife(t *testing.T) {
	s := line(t)
	wantState(t, s, 2, 1, 1, false)
	do(t, s.Activate(3))
	wantState(t, s, 3, 2, 1, true)
	live, err := s.Rollback("too many rejects")
	do(t, err)
	if live != 2 {
		t.Errorf("live after the rollback: %d, want 2", live)
	}
	wantState(t, s, 2, 1, 1, false)
	wantErr(t, s.Activate(3), "model 3 was rolled back (too many rejects)")
	wantErr(t, s.Activate(2), "model 2 is live already")
	wantErr(t, s.Activate(9), "there is no model 9")
	wantErr(t, s.Confirm(), "no model is on trial")
	n := stage(t, s, "four", About{Name: "four"})
	do(t, s.Activate(n))
	wantErr(t, s.Activate(1), "model 4 is on trial")
	do(t, s.Confirm())
	wantState(t, s, 4, 2, 1, false)
}

func TestTrialEndsByItself(t *testing.T) {
	s := line(t)
	do(t, s.Activate(3))
	for i := range 3 {
		m, events, err := s.Start()
		do(t, err)
		if m.Number != 3 || len(events) > 0 {
			t.Fatalf("start %d: model %d, events %q", i+1, m.Number, events)
		}
	}
	m, events, err := s.Start()
	do(t, err)
	if m.Number != 2 || len(events) != 1 {
		t.Fatalf("fourth start: model %d, events %q; want 2 and a rollback", m.Number, events)
	}
	wantState(t, s, 2, 1, 1, false)
}

func TestDamageFallsBack(t *testing.T) {
	s := line(t)
	flip(t, s.Path(2))
	if m, err := s.Live(); err != nil || m.Number != 1 {
		t.Fatalf("live %v, %v; want the factory's", m, err)
	}
	found, err := s.Scrub()
	do(t, err)
	if len(found) != 1 || found[0].Model != 2 || found[0].Role != "live" {
		t.Errorf("scrub found %+v", found)
	}
	m, events, err := s.Start()
	do(t, err)
	if m.Number != 1 || len(events) != 1 || !strings.Contains(events[0], "damaged") {
		t.Errorf("start gives %d, events %q", m.Number, events)
	}
	flip(t, s.Path(1))
	if _, _, err := s.Start(); !errors.Is(err, ErrNone) {
		t.Errorf("error %v, want ErrNone", err)
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	do(t, err)
	b[0] ^= 1
	do(t, os.WriteFile(path, b, 0o644))
}

func TestScrubPutsStagedAside(t *testing.T) {
	s := line(t)
	flip(t, s.Path(3))
	if _, err := s.Scrub(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Activate(3), "there is no model 3")
	if n := stage(t, s, "x", About{Name: "x"}); n != 4 {
		t.Errorf("the next model is %d, want 4: numbers only grow", n)
	}
}

func TestStageRefuses(t *testing.T) {
	s := open(t, Options{MaxBytes: 10})
	for content, want := range map[string]string{"": "empty", "more than ten bytes": "larger than 10 bytes"} {
		_, err := s.Stage(strings.NewReader(content), About{Name: "x"})
		wantErr(t, err, want)
	}
	if names, _ := filepath.Glob(filepath.Join(s.dir, "[0-9s]*")); len(names) != 0 {
		t.Errorf("%q are left", names)
	}
}

func TestSignature(t *testing.T) {
	public, private, err := minisign.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	do(t, err)
	_, other, err := minisign.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{8}, 64)))
	do(t, err)
	s := open(t, Options{Key: &public})
	_, err = s.Stage(strings.NewReader("model"), About{Name: "x"})
	wantErr(t, err, "x has no signature")
	for _, bad := range [][]byte{[]byte("nonsense"), sign(other, "model"), sign(private, "another")} {
		_, err = s.Stage(strings.NewReader("model"), About{Name: "x", Signature: bad})
		wantErr(t, err, "the signature of x is not by key")
	}
	n := stage(t, s, "model", About{Name: "x", Signature: sign(private, "model")})
	do(t, s.Activate(n))
}

func sign(key minisign.PrivateKey, content string) []byte {
	r := minisign.NewReader(strings.NewReader(content))
	new(bytes.Buffer).ReadFrom(r)
	return r.Sign(key)
}

func TestBusy(t *testing.T) {
	s := line(t)
	s.Wait = 20 * time.Millisecond
	unlock, err := s.lock()
	do(t, err)
	if err := s.Activate(3); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	unlock()
	do(t, s.Activate(3))
}

func TestOldModelsGo(t *testing.T) {
	s := line(t)
	for range 6 {
		stage(t, s, "spare", About{Name: "spare"})
	}
	models, err := s.Models()
	do(t, err)
	var got []uint64
	for _, m := range models {
		got = append(got, m.Number)
	}
	if want := []uint64{9, 8, 7, 6, 2, 1}; len(got) != len(want) { // the newest came after the sweep
		t.Errorf("models %v, want %v", got, want)
	}
}

// TestLostStates: with every state file damaged the factory's model is live.
func TestLostStates(t *testing.T) {
	s := line(t)
	names, _ := filepath.Glob(filepath.Join(s.dir, "slots.*"))
	if len(names) != kept {
		t.Fatalf("%d state files, want %d", len(names), kept)
	}
	flip(t, names[len(names)-1])
	if m, err := s.Live(); err != nil || m.Number != 2 {
		t.Errorf("live %v, %v; want 2 by the state before", m, err)
	}
	for _, n := range names[:kept-1] {
		flip(t, n)
	}
	st, warnings, err := s.State()
	do(t, err)
	if st.Live != 1 || st.Last != 3 || len(warnings) != kept+1 {
		t.Errorf("state %+v, warnings %q", *st, warnings)
	}
}

// TestStopAtEveryStep stops each change at each of its steps, by a kill and by a power cut: there is one whole live
// model, the old or the new one, and the next change works.
func TestStopAtEveryStep(t *testing.T) {
	settled, trial := line(t), line(t)
	do(t, trial.Activate(3))
	for name, c := range map[string]struct {
		from     *Store
		change   func(*Store) error
		old, new uint64
	}{
		"stage":    {settled, func(s *Store) error { _, err := s.Stage(strings.NewReader("four"), About{Name: "4"}); return err }, 2, 2},
		"activate": {settled, func(s *Store) error { return s.Activate(3) }, 2, 3},
		"start":    {trial, func(s *Store) error { _, _, err := s.Start(); return err }, 3, 3},
		"confirm":  {trial, (*Store).Confirm, 3, 3},
		"rollback": {trial, func(s *Store) error { _, err := s.Rollback("bad"); return err }, 3, 2},
		"scrub":    {settled, func(s *Store) error { _, err := s.Scrub(); return err }, 2, 2},
	} {
		for _, cut := range []bool{false, true} {
			for steps, done := 0, false; !done; steps++ {
				s := copied(t, c.from)
				var err error
				done, err = durabletest.Until(steps, cut, func(fs durable.FS) error {
					s.fs = fs
					return c.change(s)
				})
				do(t, err)
				s.fs = durabletest.Unsynced{}
				m, err := s.Live()
				if err != nil || (m.Number != c.new && (done || m.Number != c.old)) {
					t.Fatalf("%s, cut %v, step %d: live %v, %v; want %d or %d", name, cut, steps, m, err, c.old, c.new)
				}
				if _, _, err := s.Start(); err != nil {
					t.Fatalf("%s, cut %v, step %d: start: %v", name, cut, steps, err)
				}
				if m, err := s.Stage(strings.NewReader("after"), About{Name: "after"}); err != nil || m.Number < 4 {
					t.Fatalf("%s, cut %v, step %d: stage after it: %v, %v", name, cut, steps, m, err)
				}
			}
		}
	}
}

// copied is a store on a copy of the folder of another.
func copied(t *testing.T, from *Store) *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "models")
	do(t, os.CopyFS(dir, os.DirFS(from.dir)))
	s, err := Open(dir, from.Options)
	do(t, err)
	return s
}
