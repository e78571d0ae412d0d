package line

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
)

// scheduled is a reject output on the test's clock.
type scheduled struct {
	*gpio.Schedule
	clock *virtual
}

func (s scheduled) Trigger(e gpio.Edge) (uint64, error) {
	s.Advance(s.clock.now(), 0)
	return s.Schedule.Trigger(int64(e.Time))
}

func (s scheduled) Decide(id uint64, bad bool) error {
	s.Advance(s.clock.now(), 0)
	return s.Schedule.Decide(id, bad)
}

// TestEdges: 100,000 edges on a virtual clock, with lost ones, bursts, frames that the camera drops, damaged frames,
// and a model that is slow now and then, through trigger, picture, verdict and reject output: each is accounted for.
func TestEdges(t *testing.T) {
	for _, exact := range []bool{false, true} {
		r := rand.New(rand.NewPCG(1, 2))
		clock, log := &virtual{}, &told{}
		plan, err := gpio.NewSchedule(gpio.RejectOptions{Delay: 40 * time.Millisecond, Pulse: 2 * time.Millisecond, Parts: 64})
		if err != nil {
			t.Fatal(err)
		}
		model := judge(func(image.Image) (*eval.Prediction, error) {
			clock.add(time.Duration(2+r.IntN(4)) * time.Millisecond)
			if r.IntN(200) == 0 {
				clock.add(60 * time.Millisecond)
			}
			class := "good"
			if r.IntN(10) == 0 {
				class = "bad"
			}
			return &eval.Prediction{Class: class, Score: 0.9, Scores: map[string]float64{class: 0.9}}, nil
		})
		l := &Line{Reject: scheduled{plan, clock}, Models: Fixed(&Loaded{Model: model}), Rules: Rules{Reject: []string{"bad"}, LateBad: true},
			Budget: 40 * time.Millisecond, Events: log.event, Now: clock.now, Edges: noEdges{}}
		l.Init(8, 80*time.Millisecond, exact)

		want := 100_000
		if exact {
			want = 20_000
		}
		edges, missed := 0, uint64(0)
		next, frame := time.Duration(0), time.Duration(0)
		for edges < want {
			if next <= frame {
				e := gpio.Edge{Time: next}
				if r.IntN(500) == 0 {
					e.Lost = uint64(1 + r.IntN(3))
				}
				missed += e.Lost
				l.Edge(e)
				edges++
				next += time.Duration(1+r.IntN(30)) * time.Millisecond
				continue
			}
			f := grey(0, frame, 0)
			if r.IntN(100) == 0 {
				f.Lost = 1
			}
			f.Damaged = r.IntN(300) == 0
			clock.mu.Lock()
			clock.t = max(clock.t, frame)
			clock.mu.Unlock()
			l.Tick()
			l.Frame(&f)
			frame += 10 * time.Millisecond
		}
		l.lose(l.tracker.Expire(1<<63-1), "the end")
		clock.add(time.Hour)
		plan.Advance(clock.now(), 0)
		s := l.Stats()
		balanced(t, s, log.all)
		if s.Parts != uint64(want)+missed || missed == 0 || s.Late == 0 || s.Lost <= missed || s.Rejected < uint64(want)/20 {
			t.Errorf("%d edges, %d lost ones: %+v", edges, missed, s)
		}
		got := plan.Stats
		if got.Parts+got.Overflow > uint64(want) || got.Rejected+got.Passed != got.Parts || plan.Waiting() != 0 {
			t.Errorf("reject output: %+v", got)
		}
		// What the events say was rejected is what the output rejected, but for parts that it never knew.
		said := uint64(0)
		for _, e := range log.all {
			if e.Decision == "reject" {
				said += max(e.Parts, 1)
			}
		}
		if said != got.Rejected {
			t.Errorf("exact %v: events say %d rejected, the output did %d", exact, said, got.Rejected)
		}
		t.Logf("exact %v: %+v", exact, s)
	}
}

// noEdges is a trigger that nobody reads: the test hands the edges over itself.
type noEdges struct{ gpio.Edges }

// TestSilence: an alarm begins where no part comes for too long, once, and ends with the next part.
func TestSilence(t *testing.T) {
	clock := &virtual{}
	var said []string
	l := &Line{Models: Fixed(&Loaded{Model: says("good", 1)}), Now: clock.now, Edges: noEdges{}, Silence: time.Minute, Events: func(e Event) {
		if e.Event == "alarm" {
			said = append(said, fmt.Sprint(e.Alarm, " ", *e.On))
		}
	}}
	l.Init(4, time.Second, false)
	for second := range 300 {
		clock.add(time.Second)
		if second == 30 || second == 150 {
			l.Edge(gpio.Edge{Time: clock.now()})
		}
		l.Tick()
	}
	if want := []string{"trigger true", "trigger false", "trigger true"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

func TestFreeRunning(t *testing.T) {
	clock, log := &virtual{}, &told{}
	l := &Line{Source: &source{n: 50, at: func(i int) time.Duration { clock.add(time.Millisecond); return clock.now() }},
		Models: Fixed(&Loaded{Model: says("scratch", 0.55)}), Rules: Rules{Reject: []string{"scratch"}, Margin: 0.2, Doubtful: "pass"},
		Events: log.event, Now: clock.now}
	l.Init(4, 0, false)
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	balanced(t, s, log.all)
	if s.Judged != 50 || s.Doubtful != 50 || s.Rejected != 0 {
		t.Errorf("%+v", s)
	}
}

// TestModelFails: a part that no model could judge is lost, and takes the default.
func TestModelFails(t *testing.T) {
	clock, log := &virtual{}, &told{}
	l := &Line{Source: &source{n: 3, at: func(int) time.Duration { return clock.now() }}, Rules: Rules{LateBad: true}, Events: log.event, Now: clock.now,
		Models: Fixed(&Loaded{Model: judge(func(image.Image) (*eval.Prediction, error) { return nil, eval.ErrNotNumbers })})}
	l.Init(4, 0, false)
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	balanced(t, l.Stats(), log.all)
	if e := log.of("lost"); len(e) != 3 || e[0].Decision != "reject" || e[0].Reason == "" {
		t.Errorf("%+v", e)
	}
	if len(log.of("alarm")) != 3 {
		t.Errorf("no alarm: %+v", log.all)
	}
}

// TestUnplugged: a camera that goes and comes back costs what it took, no more; the watchdog knows the wait.
func TestUnplugged(t *testing.T) {
	clock, log := &virtual{}, &told{}
	opened := 0
	var l *Line
	open := func(context.Context) (camera.Source, error) {
		opened++
		s := &source{n: 20, at: func(int) time.Duration { clock.add(time.Millisecond); return clock.now() }}
		if opened == 1 {
			s.then = errors.New("gone")
		}
		return s, nil
	}
	src, err := camera.Supervise(context.Background(), open, func(err error) {
		clock.add(waitLimit)
		l.Alive()
		if l.Alive() {
			t.Error("waiting for long, and still alive")
		}
		l.Mending()
		if !l.Alive() {
			t.Error("the camera is being looked for, and the line is not alive")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l = &Line{Source: src, Models: Fixed(&Loaded{Model: says("good", 1)}), Events: log.event, Now: clock.now}
	l.Init(4, 0, false)
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	balanced(t, s, log.all)
	if s.Judged != 40 || s.Reopened != 1 || len(log.of("camera")) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAlive: a model that hangs is no progress.
func TestAlive(t *testing.T) {
	clock := &virtual{}
	enter, leave := make(chan struct{}), make(chan struct{})
	l := &Line{Source: &source{n: 1, at: func(int) time.Duration { return 0 }}, Now: clock.now,
		Models: Fixed(&Loaded{Model: judge(func(image.Image) (*eval.Prediction, error) { close(enter); <-leave; return nil, io.EOF })})}
	l.Init(1, 0, false)
	end := make(chan error)
	go func() { end <- l.Run(context.Background()) }()
	<-enter
	l.Alive()
	if l.Alive() {
		t.Error("a model that hangs is taken for progress")
	}
	close(leave)
	if err := <-end; err != nil {
		t.Fatal(err)
	}
	if !l.Alive() {
		t.Error("progress is not seen")
	}
}

func TestTimer(t *testing.T) {
	clock := &virtual{t: time.Second}
	tm := &Timer{Every: 10 * time.Millisecond, Now: clock.now, Sleep: func(_ context.Context, d time.Duration) error { clock.add(max(d, 0)); return nil }}
	var lost uint64
	for i := range 10 {
		if i == 5 {
			clock.add(35 * time.Millisecond)
		}
		e, err := tm.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		lost += e.Lost
		if want := time.Second + time.Duration(e.Number-1)*tm.Every; e.Time != want {
			t.Errorf("turn %d at %v, want %v", e.Number, e.Time, want)
		}
	}
	if lost != 2 {
		t.Errorf("%d turns lost, want 2", lost)
	}
}
