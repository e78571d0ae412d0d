package line

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/secateur/secateur/device/slot"
)

// Loaded is a model ready to judge, and its scores of the golden set.
type Loaded struct {
	Model
	Reference *Reference // nil: drift is not watched
}

// Models is the model that judges, and those that take its place: it watches the store, changes models between
// frames, confirms one on trial, and rolls it back by itself.
type Models struct {
	Store  *slot.Store                        // nil: one model for ever
	Load   func(*slot.Model) (*Loaded, error) // of a verified model
	Trial  int                                // parts without alarm that confirm a model
	Events func(Event)
	Live   func(number uint64, m *Loaded) // told of each change

	holder *slot.Holder[*Loaded]
	wake   chan struct{}

	mu      sync.Mutex
	number  uint64
	former  *Loaded // until the trial ends: what a rollback goes back to at once
	before  uint64
	trial   *trial
	confirm bool
	back    string
	rate    rate // of the current model, newest thousands of parts
	swaps   int
	refused uint64 // could not be loaded: is not tried again
}

// Fixed is one model for ever.
func Fixed(m *Loaded) *Models {
	return &Models{holder: slot.NewHolder(0, m), wake: make(chan struct{}, 1)}
}

// Begin verifies and loads the live model; a trial is counted as started. One that cannot be loaded is rolled back.
func (m *Models) Begin() error {
	m.wake = make(chan struct{}, 1)
	for {
		live, said, err := m.Store.Start()
		for _, s := range said {
			m.Events(Event{Event: "model", What: "rolled back", Reason: s})
		}
		if err != nil {
			return err
		}
		loaded, err := m.Load(live)
		if err == nil {
			m.holder = slot.NewHolder(live.Number, loaded)
			m.put(live.Number, loaded)
			return nil
		}
		if _, e := m.Store.Rollback(err.Error()); e != nil {
			return fmt.Errorf("model %d: %w; %w", live.Number, err, e)
		}
		m.Events(Event{Event: "model", What: "rolled back", Model: live.Number, Reason: err.Error()})
	}
}

// Acquire is the current model, for one picture.
func (m *Models) Acquire() *slot.Lease[*Loaded] { return m.holder.Acquire() }

// put notes which model is current.
func (m *Models) put(number uint64, loaded *Loaded) {
	what, begins := "live", (*trial)(nil)
	if on := m.onTrial(number); on != nil {
		what, begins = "trial", &trial{model: number, base: m.base(number, on)}
	}
	m.mu.Lock()
	former := m.number
	m.number, m.confirm, m.back = number, false, ""
	m.trial, m.rate = begins, rate{}
	m.mu.Unlock()
	if m.Live != nil {
		m.Live(number, loaded)
	}
	m.Events(Event{Event: "model", What: what, Model: number, Former: former})
}

// onTrial is the trial of model number, nil if it is on none.
func (m *Models) onTrial(number uint64) *slot.Trial {
	st, _, err := m.Store.State()
	if err != nil || st.Live != number {
		return nil
	}
	return st.Trial
}

// base is the rate that a trial is judged by: that of the model that judged until now, which is kept with the trial, or that
// which was kept when the program was started anew.
func (m *Models) base(number uint64, on *slot.Trial) rate {
	if on.Before != nil {
		return rate{on.Before.Rejects, on.Before.Parts}
	}
	m.mu.Lock()
	now := m.rate
	m.mu.Unlock()
	if now.parts > 0 {
		if err := m.Store.Judge(number, slot.Rate{Rejects: now.rejects, Parts: now.parts}); err != nil {
			m.Events(Event{Event: "alarm", Alarm: "models", Model: number, Reason: err.Error()})
		}
	}
	return now
}

// rateParts is about how many parts a reject rate is of.
const rateParts = 4096

// Judged counts a part that model number judged.
func (m *Models) Judged(number uint64, bad, alarmed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number != m.number || m.Store == nil {
		return
	}
	if m.rate.parts++; bad {
		m.rate.rejects++
	}
	if m.rate.parts >= 2*rateParts {
		m.rate = rate{m.rate.rejects / 2, m.rate.parts / 2}
	}
	if m.trial == nil || m.confirm || m.back != "" {
		return
	}
	if m.confirm, m.back = m.trial.add(bad, alarmed, m.Trial); m.confirm || m.back != "" {
		m.decided()
	}
}

// Broke says that model number could not judge a picture. On trial that is its end.
func (m *Models) Broke(number uint64, err error) {
	m.Events(Event{Event: "alarm", Alarm: "model", Model: number, Reason: err.Error()})
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.trial != nil && m.trial.model == number && m.back == "" {
		m.back, m.confirm = err.Error(), false
		m.decided()
	}
}

// decided goes back to the former model at once, between two frames; the store is told by Watch.
func (m *Models) decided() {
	if m.back != "" && m.former != nil {
		m.holder.Swap(m.before, m.former)
		m.swaps++
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Watch looks at the store, and writes to it what the trial came to, until ctx ends.
func (m *Models) Watch(ctx context.Context, every time.Duration) {
	if m.Store == nil {
		return
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-m.wake:
		}
		m.settle()
		m.follow()
	}
}

// settle ends a trial in the store.
func (m *Models) settle() {
	m.mu.Lock()
	confirm, back, number := m.confirm, m.back, m.number
	m.confirm = false
	if confirm {
		m.trial, m.former = nil, nil
	}
	m.mu.Unlock()
	switch {
	case confirm:
		if err := m.Store.Confirm(); err != nil {
			m.Events(Event{Event: "alarm", Alarm: "models", Model: number, Reason: err.Error()})
			return
		}
		m.Events(Event{Event: "model", What: "confirmed", Model: number})
	case back != "":
		live, err := m.Store.Rollback(back)
		if err != nil {
			m.Events(Event{Event: "alarm", Alarm: "models", Model: number, Reason: err.Error()})
			return
		}
		m.Events(Event{Event: "model", What: "rolled back", Model: live, Former: number, Reason: back})
	}
}

// follow makes the store's live model the one that judges.
func (m *Models) follow() {
	st, _, err := m.Store.State()
	m.mu.Lock()
	number, before, former, refused := m.number, m.before, m.former, m.refused
	if err == nil && st.Live == number && st.Trial == nil && m.back == "" {
		m.trial, m.former = nil, nil // confirmed by hand
	}
	m.mu.Unlock()
	if err != nil || st.Live == 0 || st.Live == number || st.Live == refused {
		return
	}
	if former != nil && before == st.Live {
		m.swap(st.Live, former)
		return
	}
	about, err := m.Store.Verify(st.Live)
	var loaded *Loaded
	if err == nil {
		loaded, err = m.Load(about)
	}
	if err != nil {
		m.refuse(st, err)
		return
	}
	m.swap(st.Live, loaded)
}

// refuse takes back a live model that cannot run; the one that judges goes on.
func (m *Models) refuse(st *slot.State, why error) {
	m.Events(Event{Event: "model", What: "refused", Model: st.Live, Reason: why.Error()})
	m.mu.Lock()
	m.refused = st.Live
	m.mu.Unlock()
	if st.Trial == nil {
		return
	}
	if _, err := m.Store.Rollback(why.Error()); err != nil {
		m.Events(Event{Event: "alarm", Alarm: "models", Model: st.Live, Reason: err.Error()})
	}
}

// swap changes the model between two frames.
func (m *Models) swap(number uint64, loaded *Loaded) {
	before := m.number
	m.mu.Lock()
	if lease := m.holder.Acquire(); lease.Number != number {
		lease.Release()
		old, _ := m.holder.Swap(number, loaded)
		m.former, m.before = old, before
		m.swaps++
	} else {
		lease.Release()
		m.former = nil
	}
	m.mu.Unlock()
	m.put(number, loaded)
}

// Swaps is how often the model was changed.
func (m *Models) Swaps() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.swaps
}

// Current is the number of the model that judges.
func (m *Models) Current() uint64 {
	lease := m.holder.Acquire()
	defer lease.Release()
	return lease.Number
}
