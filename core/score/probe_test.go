package score

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// probing is a scorer over 21 pictures, more than one batch of a probe, and the structure of smoothNet.
func probing(t *testing.T) (*Scorer, *groups.Structure) {
	t.Helper()
	st, err := groups.Find(smoothNet())
	if err != nil {
		t.Fatal(err)
	}
	samples := toy.Pictures(t, toy.Folder(t, "probe"), 7, 60)
	return &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3, Seed: 1}, st
}

func probeOf(t *testing.T, s *Scorer, st *groups.Structure, name string, bytes int) *probe {
	t.Helper()
	p, err := s.probe(st, st.Named(name), bytes)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *probe) meanLoss(t *testing.T, keep []float64, mean bool) float64 {
	t.Helper()
	v, err := p.Losses(keep, mean)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

func alike(n int, t float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = t
	}
	return v
}

// TestProbeDense: with all units on the losses are those of the network as it is, image by image in order.
func TestProbeDense(t *testing.T) {
	s, st := probing(t)
	all, err := s.Collect(st, criteria.Activations)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range st.Free() {
		p := probeOf(t, s, st, g.Name, probeBytes)
		got, err := p.Losses(alike(len(g.Units), 1), true)
		if err != nil {
			t.Fatal(err)
		}
		want := losses(t, s, st.Graph)
		for i := range want {
			toy.Near(t, g.Name, got[i], want[i], 1e-4)
		}
		pool := all.Places[g.Gates[0].Name].Pool
		mean, c := 0.0, g.Gates[0].Shape.Channels()
		for n := range s.Samples {
			mean += float64(pool[n*4*c+1]) / float64(len(s.Samples))
		}
		toy.Near(t, "mean of channel 1", p.means[0][1], mean, 1e-6)
	}
}

// losses are those of the whole network, run at once.
func losses(t *testing.T, s *Scorer, g *graph.Graph) []float64 {
	t.Helper()
	z, err := eval.Forward(s.Ctx, s.Env, g, s.Samples, s.Classes)
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for i, x := range s.Samples {
		row, sum := z[i*s.Classes:(i+1)*s.Classes], 0.0
		for _, v := range row {
			sum += math.Exp(float64(v))
		}
		out = append(out, math.Log(sum)-float64(row[x.Class]))
	}
	return out
}

// TestPathOfOne is identity g: the integral of a unit's derivative, the others on, is what leaving it out changes.
func TestPathOfOne(t *testing.T) {
	s, st := probing(t)
	for _, name := range []string{"a", "b", "d"} { // a is a stream of two gates
		g := st.Named(name)
		f := len(g.Units)
		for _, mean := range []bool{true, false} {
			p := probeOf(t, s, st, name, probeBytes)
			whole := p.meanLoss(t, alike(f, 1), mean)
			for i := range f {
				sum := 0.0
				for k := range 16 {
					keep := alike(f, 1)
					keep[i] = (float64(k) + 0.5) / 16
					sum += p.slope(t, keep, i, mean) / 16
				}
				keep := alike(f, 1)
				keep[i] = 0
				toy.Near(t, name, sum, whole-p.meanLoss(t, keep, mean), 1e-3)
			}
		}
	}
}

// slope is the mean derivative of the loss by what unit i passes, at any point.
func (p *probe) slope(t *testing.T, keep []float64, i int, mean bool) float64 {
	t.Helper()
	if _, err := p.Gammas(1, mean); err != nil { // makes the plan
		t.Fatal(err)
	}
	p.set(p.onGammas, keep, mean)
	p.centre(mean)
	var rows []float64
	if err := p.each(p.onGammas, func(n int) { rows = p.appendGammas(rows, n) }); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for n := range p.s.Samples {
		sum += rows[n*p.units+i] / float64(len(p.s.Samples))
	}
	return sum
}

// TestJointPath is identity h: the integral over the joint path, summed over the units, is the loss with all less that
// with none; joint-ig and shapley share it out.
func TestJointPath(t *testing.T) {
	s, st := probing(t)
	for _, name := range []string{"a", "b", "d"} {
		g := st.Named(name)
		f := len(g.Units)
		for _, mean := range []bool{true, false} {
			p := probeOf(t, s, st, name, probeBytes)
			sum := 0.0
			for k := range 16 {
				v, err := p.Gammas((float64(k)+0.5)/16, mean)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range v {
					sum += x / 16 / float64(len(s.Samples))
				}
			}
			toy.Near(t, name, sum, p.meanLoss(t, alike(f, 1), mean)-p.meanLoss(t, alike(f, 0), mean), 1e-3)
		}
		c, err := s.Collect(st, criteria.Probing)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Matrices(g)
		if err != nil {
			t.Fatal(err)
		}
		p := m.Probe.(*probe)
		worth := p.meanLoss(t, alike(f, 0), true) - p.meanLoss(t, alike(f, 1), true)
		toy.Near(t, "shapley of "+name, scored(t, "shapley", m, g), worth, 1e-6)
		toy.Near(t, "joint-ig of "+name, scored(t, "joint-ig", m, g), worth, 5e-3)
	}
}

// scored is the sum of a criterion's scores.
func scored(t *testing.T, name string, m *criteria.Matrices, g *groups.Group) float64 {
	t.Helper()
	s, err := criteria.Score(lookup(t, name), m, g)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range s.Values {
		sum += v
	}
	return sum
}

// TestProbeBounded: what does not fit in memory is run again from the file, to the same bits.
func TestProbeBounded(t *testing.T) {
	s, st := probing(t)
	keep := alike(len(st.Named("b").Units), 0.25)
	whole := probeOf(t, s, st, "b", probeBytes)
	want, err := whole.Losses(keep, true)
	if err != nil {
		t.Fatal(err)
	}
	one := 4 * len(whole.cached[0])
	for bytes, batches := range map[int]int{0: 0, one: 1, 2 * one: 2} {
		p := probeOf(t, s, st, "b", bytes)
		if len(p.cached) != batches {
			t.Errorf("%d bytes: %d batches kept, want %d", bytes, len(p.cached), batches)
		}
		got, err := p.Losses(keep, true)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d losses, %v", len(got), err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%d bytes: loss %d is %v, want %v", bytes, i, got[i], want[i])
			}
		}
	}
}

// TestProbeStops: a cancelled context ends a run.
func TestProbeStops(t *testing.T) {
	s, st := probing(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.Ctx = ctx
	p := probeOf(t, s, st, "b", probeBytes)
	cancel()
	if _, err := p.Losses(alike(p.units, 1), true); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
