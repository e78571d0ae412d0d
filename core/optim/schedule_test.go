package optim_test

import (
	"math"
	"testing"

	"github.com/secateur/secateur/core/optim"
)

func TestSchedule(t *testing.T) {
	constant := optim.Schedule{Base: 0.5, Steps: 10}
	warm := optim.Schedule{Base: 0.5, Steps: 10, Warm: 4}
	cosine := optim.Schedule{Base: 0.5, Steps: 10, Cosine: true}
	both := optim.Schedule{Base: 0.5, Steps: 12, Warm: 4, Cosine: true}
	onlyWarm := optim.Schedule{Base: 0.5, Steps: 4, Warm: 4, Cosine: true}
	for _, c := range []struct {
		name string
		s    optim.Schedule
		k    int
		want float64
	}{
		{"constant", constant, 0, 0.5}, {"constant", constant, 9, 0.5}, {"constant", constant, 50, 0.5},
		{"warm", warm, 0, 0.125}, {"warm", warm, 3, 0.5}, {"warm", warm, 4, 0.5}, {"warm", warm, 9, 0.5},
		{"cosine", cosine, 0, 0.5}, {"cosine", cosine, 5, 0.25}, {"cosine", cosine, 10, 0}, {"cosine", cosine, 99, 0},
		{"both", both, 1, 0.25}, {"both", both, 4, 0.5}, {"both", both, 6, 0.25 * (1 + math.Sqrt2/2)}, {"both", both, 8, 0.25}, {"both", both, 12, 0},
		{"only warm", onlyWarm, 3, 0.5}, {"only warm", onlyWarm, 4, 0.5},
	} {
		if got := c.s.At(c.k); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: step %d has rate %g, want %g", c.name, c.k, got, c.want)
		}
	}
}

func TestScheduleNeverRisesAfterWarmUp(t *testing.T) {
	s := optim.Schedule{Base: 1, Steps: 100, Warm: 10, Cosine: true}
	for k := range 110 {
		if r := s.At(k); k > 10 && r > s.At(k-1) || k > 0 && k < 10 && r <= s.At(k-1) || r < 0 || r > 1 {
			t.Errorf("rate %g at step %d after %g", r, k, s.At(k-1))
		}
	}
}
