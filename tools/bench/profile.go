package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// KindTime is the time of all loops of one kind of op in a run.
type KindTime struct {
	Kind  string        `json:"op"`
	Loops int           `json:"loops"`
	Time  time.Duration `json:"ns"`
	Share float64       `json:"share"`
}

// Profile runs the model that often and returns the mean time of each kind of op, longest first.
func (m *Model) Profile(runs int) ([]KindTime, error) {
	kinds := map[string]*KindTime{}
	total := 0.0
	for range runs {
		var buf bytes.Buffer
		if err := m.Plan.Trace(&buf); err != nil {
			return nil, err
		}
		var trace struct {
			TraceEvents []struct {
				Cat string
				Dur float64 // µs
			}
		}
		if err := json.Unmarshal(buf.Bytes(), &trace); err != nil {
			return nil, err
		}
		for _, e := range trace.TraceEvents {
			k := kinds[e.Cat]
			if k == nil {
				k = &KindTime{Kind: e.Cat}
				kinds[e.Cat] = k
			}
			k.Loops++
			k.Time += time.Duration(1e3 * e.Dur)
			total += 1e3 * e.Dur
		}
	}
	var out []KindTime
	for _, k := range kinds {
		k.Share = float64(k.Time) / max(total, 1)
		k.Loops, k.Time = k.Loops/runs, k.Time/time.Duration(runs)
		out = append(out, *k)
	}
	slices.SortFunc(out, func(a, b KindTime) int { return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Kind, b.Kind)) })
	return out, nil
}
