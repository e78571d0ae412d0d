package slot

import (
	"fmt"
)

// Activate makes model n live, on trial. The model that was live is kept as the previous one.
func (s *Store) Activate(n uint64) error {
	return s.change(func(st *State) error {
		if err := s.mayBeLive(st, n); err != nil {
			return err
		}
		st.Previous, st.Live, st.Trial = st.Live, n, &Trial{}
		if st.Previous == 0 {
			st.Trial = nil // nothing to go back to: the first model is not on trial
		}
		return nil
	})
}

func (s *Store) mayBeLive(st *State, n uint64) error {
	switch f := st.refused(n); {
	case n == st.Live:
		return fmt.Errorf("models: model %d is live already", n)
	case st.Trial != nil:
		return fmt.Errorf("models: model %d is on trial; confirm it or roll it back first", st.Live)
	case f != nil:
		return fmt.Errorf("models: model %d was rolled back (%s); stage a new one", n, f.Reason)
	}
	_, err := s.Verify(n)
	return err
}

// Confirm ends the trial of the live model: it stays. Models beyond those kept are removed.
func (s *Store) Confirm() error {
	return s.change(func(st *State) error {
		if st.Trial == nil {
			return fmt.Errorf("models: no model is on trial; model %d is live", st.Live)
		}
		st.Trial = nil
		return nil
	})
}

// Rollback makes the previous model live again, or the factory's where the previous one is not
// whole. The model that was live never becomes live again.
func (s *Store) Rollback(reason string) (live uint64, err error) {
	err = s.change(func(st *State) error {
		if live, err = s.back(st, reason); err != nil {
			return err
		}
		return nil
	})
	return live, err
}

// back is the rollback in a state.
func (s *Store) back(st *State, reason string) (uint64, error) {
	for _, n := range []uint64{st.Previous, st.Factory} {
		if n == 0 || n == st.Live {
			continue
		}
		if _, err := s.Verify(n); err != nil {
			continue
		}
		if st.Live != st.Factory {
			st.refuse(st.Live, reason)
		}
		st.Live, st.Trial = n, nil
		if st.Previous = st.Factory; st.Previous == n {
			st.Previous = 0
		}
		return n, nil
	}
	return 0, fmt.Errorf("models: nothing to go back to from model %d: %w", st.Live, ErrNone)
}

// Start is what a program asks before it runs: the live model, verified. A model on trial that
// started too often without being confirmed is rolled back; a damaged one gives way to the
// previous and to the factory's. What happened is said in events.
func (s *Store) Start() (m *Model, events []string, err error) {
	err = s.change(func(st *State) error {
		m, events, err = s.begin(st)
		return err
	})
	return m, events, err
}

func (s *Store) begin(st *State) (*Model, []string, error) {
	var events []string
	if st.Trial != nil {
		if st.Trial.Starts++; st.Trial.Starts > s.Trials {
			reason := fmt.Sprintf("started %d times on trial without being confirmed", st.Trial.Starts-1)
			failed := st.Live
			if live, err := s.back(st, reason); err == nil {
				events = append(events, fmt.Sprintf("model %d rolled back to %d: %s", failed, live, reason))
			}
		}
	}
	if st.Live == 0 {
		return nil, events, fmt.Errorf("models: none was ever activated in %s: %w", s.dir, ErrNone)
	}
	m, err := s.Verify(st.Live)
	if err == nil {
		return m, events, nil
	}
	failed := st.Live
	live, backErr := s.back(st, err.Error())
	if backErr != nil {
		return nil, events, fmt.Errorf("%w; %w", err, backErr)
	}
	events = append(events, fmt.Sprintf("model %d gives way to %d: %v", failed, live, err))
	m, err = s.Model(live)
	return m, events, err
}

// Live is the model that Start would give, without counting a start or changing anything.
func (s *Store) Live() (*Model, error) {
	st, _, err := s.state()
	if err != nil {
		return nil, err
	}
	for _, n := range []uint64{st.Live, st.Previous, st.Factory} {
		if n == 0 {
			continue
		}
		if m, err := s.Verify(n); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("models: %w in %s", ErrNone, s.dir)
}

// Judge keeps by what rate model n, on trial, is judged, over restarts of whoever judges. A model that is not on trial, or
// has one already, keeps what it has.
func (s *Store) Judge(n uint64, before Rate) error {
	return s.change(func(st *State) error {
		if st.Live == n && st.Trial != nil && st.Trial.Before == nil {
			st.Trial.Before = &before
		}
		return nil
	})
}
