package line

import (
	"fmt"
	"slices"
	"time"
)

// Stats count what became of the parts. Parts = Judged + Late + Lost + Waiting at every moment; Waiting is 0 in the end.
type Stats struct {
	Parts      uint64  `json:"parts"`
	Judged     uint64  `json:"judged"` // in time
	Late       uint64  `json:"late"`   // the verdict came too late: the default was taken
	Lost       uint64  `json:"lost"`   // never judged
	Waiting    uint64  `json:"waiting"`
	Rejected   uint64  `json:"rejected"`
	Passed     uint64  `json:"passed"`
	Doubtful   uint64  `json:"doubtful"`
	OverBudget uint64  `json:"over_budget"`
	Frames     uint64  `json:"frames"`
	FramesLost uint64  `json:"frames_lost"`
	Reopened   uint64  `json:"camera_reopened"`
	P50        float64 `json:"latency_ms_p50"` // from trigger to verdict, of the last 4096 verdicts
	P99        float64 `json:"latency_ms_p99"`
}

// Ended is the parts that are accounted for.
func (s Stats) Ended() uint64 { return s.Judged + s.Late + s.Lost }

const statusFormat = "%d parts: %d judged, %d late, %d lost; %d frames lost"

// status is the counts for people, as systemctl status shows them.
func (s Stats) status() string {
	return fmt.Sprintf(statusFormat, s.Parts, s.Judged, s.Late, s.Lost, s.FramesLost)
}

// ParseStatus reads the counts of a status line; false for any other text.
func ParseStatus(text string) (s Stats, ok bool) {
	n, _ := fmt.Sscanf(text, statusFormat, &s.Parts, &s.Judged, &s.Late, &s.Lost, &s.FramesLost)
	return s, n == 5
}

func (s *Stats) count(v Verdict, late bool) {
	if late {
		s.Late++
	} else {
		s.Judged++
	}
	if v.Bad {
		s.Rejected++
	} else {
		s.Passed++
	}
	if v.Doubtful {
		s.Doubtful++
	}
}

// latencies keeps the newest times.
type latencies struct {
	ring []time.Duration
	next int
}

const latencyWindow = 4096

func (l *latencies) add(d time.Duration) {
	if len(l.ring) < latencyWindow {
		l.ring = append(l.ring, d)
		return
	}
	l.ring[l.next] = d
	l.next = (l.next + 1) % latencyWindow
}

// percentiles in milliseconds, by the nearest rank.
func (l *latencies) percentiles() (p50, p99 float64) {
	if len(l.ring) == 0 {
		return 0, 0
	}
	s := slices.Clone(l.ring)
	slices.Sort(s)
	at := func(q int) float64 { return s[(q*len(s)+99)/100-1].Seconds() * 1e3 }
	return at(50), at(99)
}
