package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/slot"
)

// TestSwaps: 1,000 changes of the model while frames flow through real networks: every frame is judged, by one whole
// model, the one that its event names.
func TestSwaps(t *testing.T) {
	a, _ := predictor(t, 1)
	b, _ := predictor(t, 2)
	want := [2]map[float64]bool{{}, {}} // the scores that each gives to the frames
	var conv camera.Converter
	for i := range 256 {
		f := grey(byte(i), 0, 0)
		m, err := conv.Image(&f)
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range []*eval.Predictor{a, b} {
			r, err := p.Image("", m)
			if err != nil {
				t.Fatal(err)
			}
			want[k][r.Score] = true
		}
	}
	log, clock := &told{}, &virtual{}
	swaps, stop := make(chan int), make(chan struct{})
	models := Fixed(&Loaded{Model: a})
	frames := &endless{stop: stop}
	l := &Line{Source: frames, Models: models, Events: log.event, Now: clock.now}
	l.Init(4, 0, false)
	go func() {
		defer close(stop)
		n := 0
		for n < 1000 {
			n++
			p := a
			if n%2 == 1 {
				p = b
			}
			_, idle := models.holder.Swap(uint64(n), &Loaded{Model: p})
			<-idle // no frame uses the former model any more
			if n%4 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		swaps <- n
	}()
	go func() { <-swaps }()
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	balanced(t, s, log.all)
	if s.Judged != uint64(frames.i) || s.Lost+s.Late != 0 {
		t.Errorf("%d frames, %+v", frames.i, s)
	}
	used := map[uint64]bool{}
	for _, e := range log.of("part") {
		used[e.Model] = true
		if !want[e.Model%2][e.Score] {
			t.Fatalf("part %d: model %d never gives %v", e.Part, e.Model, e.Score)
		}
	}
	if len(used) < 100 {
		t.Errorf("frames saw %d models of 1000: the test does not test", len(used))
	}
	t.Logf("%d frames under 1000 changes, judged by %d of them", s.Judged, len(used))
}

// endless gives frames until stop.
type endless struct {
	stop chan struct{}
	i    int
}

func (s *endless) Next(_ context.Context, f *camera.Frame) error {
	select {
	case <-s.stop:
		return io.EOF
	default:
	}
	*f = grey(byte(s.i), time.Duration(s.i), uint64(s.i))
	s.i++
	return nil
}

func (s *endless) Close() error { return nil }

// shop is a store of models that are names of what they say.
type shop struct {
	*Models
	store *slot.Store
	log   *told
	t     *testing.T
}

func newShop(t *testing.T) *shop {
	store, err := slot.Open(t.TempDir(), slot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := reopened(t, store)
	s.stage("good")
	s.begin()
	return s
}

// reopened is a program that was started anew on a store.
func reopened(t *testing.T, store *slot.Store) *shop {
	s := &shop{store: store, log: &told{}, t: t}
	s.Models = &Models{Store: store, Trial: 50, Events: s.log.event, Load: func(m *slot.Model) (*Loaded, error) {
		if m.Name == "broken" {
			return nil, errors.New("it does not load")
		}
		return &Loaded{Model: says(m.Name, 0.9)}, nil
	}}
	return s
}

func (s *shop) begin() {
	s.t.Helper()
	if err := s.Begin(); err != nil {
		s.t.Fatal(err)
	}
}

// stage puts a model live, on trial if there was one before.
func (s *shop) stage(name string) uint64 {
	s.t.Helper()
	m, err := s.store.Stage(bytes.NewReader([]byte(name)), slot.About{Name: name})
	if err == nil {
		err = s.store.Activate(m.Number)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Number
}

// turn is what Watch does once.
func (s *shop) turn() { s.settle(); s.follow() }

// parts judges n parts, of which every k-th is bad.
func (s *shop) parts(n, k int) {
	for i := range n {
		l := s.Acquire()
		s.Judged(l.Number, k > 0 && i%k == 0, false)
		l.Release()
	}
}

func (s *shop) wants(live uint64, what ...string) {
	s.t.Helper()
	st, _, err := s.store.State()
	if err != nil || st.Live != live || s.Current() != live {
		s.t.Errorf("the store's model is %d, the line's %d, want %d (%v)", st.Live, s.Current(), live, err)
	}
	var got []string
	for _, e := range s.log.of("model") {
		got = append(got, e.What)
	}
	if !slices.Equal(got, what) {
		s.t.Errorf("events of models %q, want %q", got, what)
	}
}

func TestTrial(t *testing.T) {
	t.Run("confirmed", func(t *testing.T) {
		s := newShop(t)
		s.parts(100, 10)
		n := s.stage("better")
		s.turn()
		s.parts(49, 10)
		s.turn()
		s.wants(n, "live", "trial")
		s.parts(1, 0)
		s.turn()
		s.wants(n, "live", "trial", "confirmed")
		if st, _, _ := s.store.State(); st.Trial != nil {
			t.Error("still on trial")
		}
	})
	t.Run("an alarm begins the trial anew", func(t *testing.T) {
		s := newShop(t)
		n := s.stage("better")
		s.turn()
		s.parts(40, 0)
		s.Judged(n, false, true)
		s.parts(40, 0)
		s.turn()
		s.wants(n, "live", "trial")
		s.parts(10, 0)
		s.turn()
		s.wants(n, "live", "trial", "confirmed")
	})
	t.Run("rejects too many", func(t *testing.T) {
		s := newShop(t)
		s.parts(200, 20)
		s.stage("worse")
		s.turn()
		s.parts(40, 2)
		if s.Current() != 1 {
			t.Error("the former model is not back before the store is written")
		}
		s.turn()
		s.wants(1, "live", "trial", "rolled back", "live")
		if e := s.log.of("model")[2]; !strings.Contains(e.Reason, "5.0 % of 200") {
			t.Error(e.Reason)
		}
	})
	t.Run("rejects too many, after a restart", func(t *testing.T) {
		s := newShop(t)
		s.parts(200, 20)
		s.stage("worse")
		s.turn()
		s = reopened(t, s.store)
		s.begin()
		s.parts(40, 2)
		s.turn()
		s.wants(1, "trial", "rolled back", "live")
		if e := s.log.of("model")[1]; !strings.Contains(e.Reason, "5.0 % of 200") {
			t.Error(e.Reason)
		}
	})
	t.Run("passes everything", func(t *testing.T) {
		s := newShop(t)
		s.parts(200, 2)
		s.stage("blind")
		s.turn()
		s.parts(40, 0)
		s.turn()
		s.wants(1, "live", "trial", "rolled back", "live")
	})
	t.Run("no numbers", func(t *testing.T) {
		s := newShop(t)
		n := s.stage("nan")
		s.turn()
		s.Broke(n, eval.ErrNotNumbers)
		s.turn()
		s.wants(1, "live", "trial", "rolled back", "live")
	})
	t.Run("does not load", func(t *testing.T) {
		s := newShop(t)
		s.stage("broken")
		s.turn()
		s.wants(1, "live", "refused")
		s.turn()
		s.wants(1, "live", "refused")
	})
	t.Run("rolled back by hand", func(t *testing.T) {
		s := newShop(t)
		s.stage("better")
		s.turn()
		if _, err := s.store.Rollback("by hand"); err != nil {
			t.Fatal(err)
		}
		s.turn()
		s.wants(1, "live", "trial", "live")
	})
}

// TestDrift: the alarm comes once, and ends once; the mix of classes alone is none.
func TestDrift(t *testing.T) {
	golden := map[string][]float64{}
	for i := range 100 {
		golden["good"] = append(golden["good"], 0.90+float64(i)/1000)
		golden["bad"] = append(golden["bad"], 0.50+float64(i)/1000)
	}
	d := &Drift{Limit: 0.25, Window: 200}
	d.Reset(1, NewReference(golden))
	var events []string
	feed := func(n int, class string, shift float64) {
		for i := range n {
			if e := d.Add(1, Sign{class, golden[class][(i*37)%100] - shift}); e != nil {
				events = append(events, fmt.Sprint(*e.On))
			}
		}
	}
	feed(400, "good", 0)
	feed(400, "bad", 0)
	if index, on := d.Value(); on || index > 0.01 || len(events) > 0 {
		t.Errorf("the mix of classes is taken for drift: %v", index)
	}
	feed(600, "good", 0.08)
	if _, on := d.Value(); !on || len(events) != 1 {
		t.Errorf("no drift seen: %v", events)
	}
	feed(600, "good", 0)
	if want := []string{"true", "false"}; !slices.Equal(events, want) {
		t.Errorf("alarms %v, want %v", events, want)
	}
	d.Reset(1, NewReference(map[string][]float64{"sure": slices.Repeat([]float64{1}, 40)})) // less sure than all of it
	for range 200 {
		d.Add(1, Sign{"sure", 0.9})
	}
	if _, on := d.Value(); !on {
		t.Error("no drift seen below scores that are all the same")
	}
	if NewReference(map[string][]float64{"a": make([]float64, 19)}) != nil {
		t.Error("19 pictures make a reference")
	}
}

// TestIndex: by hand, 0.7 and 0.3 against 0.5 and 0.5 of many: 0.2·ln 1.4 + 0.2·ln(1/0.6).
func TestIndex(t *testing.T) {
	got := Index([]float64{7e6, 3e6}, []float64{5e6, 5e6})
	if want := 0.16946; got < want-1e-4 || got > want+1e-4 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWitness(t *testing.T) {
	w := &Witness{Region: image.Rect(2, 2, 8, 8), Drift: 8}
	var got []bool
	for i, v := range []byte{100, 101, 120, 100, 110, 110, 110, 110, 110, 107, 107, 107, 107, 107, 107, 102, 102, 102, 102, 102, 102} {
		m := image.NewGray(image.Rect(0, 0, 16, 16))
		for j := range m.Pix {
			m.Pix[j] = v
		}
		if e := w.Look(m); e != nil {
			got = append(got, *e.On)
			if *e.On && i != 8 || !*e.On && i != 19 {
				t.Errorf("alarm %v at picture %d", *e.On, i)
			}
		}
	}
	if !slices.Equal(got, []bool{true, false}) {
		t.Errorf("alarms %v", got)
	}
}
