package score

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
	"golang.org/x/sys/unix"
)

// BenchmarkCollect is the time of collecting for 9 pictures, MobileNet v2 at 224×224.
func BenchmarkCollect(b *testing.B) {
	st, err := groups.Find(zoo.MobileNetV2(1, 3, 1))
	if err != nil {
		b.Fatal(err)
	}
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(b), Samples: toy.Pictures(b, toy.Folder(b, "bench"), 3, 60), Classes: 3, Seed: 1}
	for _, needs := range []criteria.Needs{criteria.Activations, criteria.MapRanks, criteria.Samples, criteria.MarginGradients,
		criteria.Activations | criteria.MarginGradients, criteria.Relevance} {
		b.Run(needs.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Collect(st, needs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScores is the time of every criterion that runs no network over all groups of MobileNet v2 for 6 classes, from
// what was collected of 200 images.
func BenchmarkScores(b *testing.B) {
	st, err := groups.Find(zoo.MobileNetV2(1, 6, 1))
	if err != nil {
		b.Fatal(err)
	}
	c := invented(st, 200, 6)
	for _, criterion := range append(criteria.All(), fusion(b)) {
		if criterion.Needs.Has(criteria.Probing) || criterion.Name == "bn-scale" || criterion.Name == "selectivity" {
			continue
		}
		b.Run(criterion.Name, func(b *testing.B) { scoreAll(b, c, st, criterion) })
	}
	b.Run("all", func(b *testing.B) { scoreAll(b, c, st, append(criteria.All(), fusion(b))...) })
}

func fusion(t testing.TB) criteria.Criterion {
	t.Helper()
	c := lookup(t, "fusion")
	c.Name = "fusion"
	return c
}

// scoreAll asks all of them that are defined for one group after the other.
func scoreAll(b *testing.B, c *Collected, st *groups.Structure, list ...criteria.Criterion) {
	begun := processorTime(b, unix.RUSAGE_SELF)
	defer func() { b.ReportMetric(float64(processorTime(b, unix.RUSAGE_SELF)-begun)/float64(b.N), "cpu-ns/op") }()
	for b.Loop() {
		for _, g := range st.Free() {
			m, err := c.Matrices(g)
			if err != nil {
				b.Fatal(err)
			}
			for _, criterion := range list {
				if criterion.Needs.Has(criteria.Probing) {
					continue
				}
				if _, err := criteria.Score(criterion, m, g); err != nil && criterion.Name != "bn-scale" && criterion.Name != "selectivity" {
					b.Fatal(err)
				}
			}
		}
	}
}

// processorTime is what this process or thread has had of processors: on a busy machine the time of a clock says little.
func processorTime(b *testing.B, who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// invented is matrices such as a network of ReLUs gives: activations by class and noise, half of them cut off at 0, and
// covariances of a few directions and noise.
func invented(st *groups.Structure, images, classes int) *Collected {
	c := &Collected{Needs: ^criteria.Probing, Classes: classes, Seed: 1, Places: map[string]criteria.Place{},
		Moments: map[string]ridge.Moments{}, Added: map[string][]float64{}}
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range images {
		c.Labels = append(c.Labels, n%classes)
	}
	normal := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	for _, g := range st.Free() {
		for _, gate := range g.Gates {
			k := gate.Shape.Channels()
			pool, mean := normal(images*4*k), normal(classes*k)
			for i := range pool {
				pool[i] = max(0, pool[i]+mean[i/(4*k)%classes*k+i%k])
			}
			c.Places[gate.Name] = criteria.Place{Pool: pool, Loss: normal(images * k), Margin: normal(images * k), Relevance: normal(images * k),
				Saliency: normal(images * k), Rank: normal(images * k), Overlap: normal(2 * k)}
		}
	}
	for _, site := range readers(st) {
		k := site.Weight.Shape.Channels()
		x := normal(8 * k)
		m := ridge.Moments{Mean: make([]float64, k), Cov: make([]float64, k*k)}
		for i := range m.Cov {
			for d := range 8 {
				m.Cov[i] += float64(x[i/k*8+d] * x[i%k*8+d])
			}
			if i/k == i%k {
				m.Cov[i] += 1 + rng.Float64()
			}
		}
		c.Moments[site.Op.Name], c.Added[site.Op.Name] = m, m.Cov
	}
	return c
}

// BenchmarkPasses is the cost of a picture of MobileNet v2 at 224×224 in the plans that collect, in forward passes of the
// folded network: "passes" those of a batch of 8, as pictures are judged, "alike" those of a batch as large as the plan's.
// One thread, medians of its processor time in rounds in turns; run it with -benchtime 1x.
func BenchmarkPasses(b *testing.B) {
	st, err := groups.Find(zoo.MobileNetV2(1, 6, 1))
	if err != nil {
		b.Fatal(err)
	}
	e := toy.Env(b)
	e.Pool = kernels.NewPool(1)
	forward := func(batch int) *plan.Plan {
		p, err := plan.Compile(st.Graph, plan.Options{Env: e, Batch: batch, Fold: true})
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	for _, needs := range []criteria.Needs{criteria.Activations, criteria.Activations | criteria.MarginGradients, criteria.Relevance} {
		for _, batch := range []int{8, 2} {
			c, err := newCollector(e, st.Graph, GateNames(st), batch, 1, needs)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", needs, batch), func(b *testing.B) {
				ms := inTurns(b, 9, c.plan, forward(8), forward(batch))
				b.ReportMetric(ms[0]/float64(batch), "ms/picture")
				b.ReportMetric(ms[0]/float64(batch)/(ms[1]/8), "passes")
				b.ReportMetric(ms[0]/ms[2], "alike")
			})
		}
	}
}

// inTurns is the median processor time of a run of each plan, in ms.
func inTurns(b *testing.B, rounds int, plans ...*plan.Plan) []float64 {
	times, medians := make([][]float64, len(plans)), make([]float64, len(plans))
	for _, p := range plans {
		for i := range p.Data("input") {
			p.Data("input")[i] = float32(i%255)/127 - 1
		}
		if p.Has(targets) {
			for i := 0; i < len(p.Data(targets)); i += 6 {
				p.Data(targets)[i+i/6%6] = 1
			}
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range rounds * b.N {
		for k, p := range plans {
			begun := processorTime(b, unix.RUSAGE_THREAD)
			if err := p.Run(); err != nil {
				b.Fatal(err)
			}
			times[k] = append(times[k], (processorTime(b, unix.RUSAGE_THREAD)-begun).Seconds()*1e3)
		}
	}
	for k := range times {
		slices.Sort(times[k])
		medians[k] = times[k][len(times[k])/2]
	}
	return medians
}
