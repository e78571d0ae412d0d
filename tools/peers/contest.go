package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/tools/bench"
)

// contest is one piece of work, ours and those of the peers that can do it.
type contest struct {
	name    string
	spec    Spec
	peers   []rival
	scales  bool    // the only rival is ours on two threads
	Entries []entry // ours first, after hold
	busy    float64 // share of the CPUs that others used before it
}

// kind is the work, or scaling.
func (c *contest) kind() string {
	if c.scales {
		return "scaling"
	}
	return c.spec.Work
}

// rival is a peer in one of its ways to do the work.
type rival struct {
	peer
	layout  string
	threads int // 0: as the contest
}

// entry is what a contestant reached.
type entry struct {
	Name         string
	Median, Best float64   // ms
	Turns        []float64 // the median of each turn
	RSS          int64
}

func newEntry(p *player) entry {
	e := entry{Name: p.name, RSS: p.rss}
	for _, ms := range p.turns {
		e.Turns = append(e.Turns, median(ms))
	}
	all := slices.Concat(p.turns...)
	e.Median, e.Best = median(all), slices.Min(all)
	return e
}

// median of no times, as of a file of results that has none, is NaN.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return slices.Sorted(slices.Values(v))[len(v)/2]
}

// contests is everything that is compared. The files of networks are put into dir.
func contests(found []peer, dir string) (cs []*contest) {
	for _, net := range []string{"resnet18", "mobilenetv2"} {
		for threads := 1; threads <= 2; threads++ {
			s := Spec{Work: "step", Net: net, Batch: 8, Threads: threads}
			cs = append(cs, &contest{name: "step " + net + ", batch 8", spec: s, peers: rivals(found, "torch", "NHWC", "NCHW")})
		}
	}
	for _, net := range []string{"mobilenetv2", "resnet18", "squeezenet1_1"} {
		for threads := 1; threads <= 2; threads++ {
			s := Spec{Work: "infer", Net: net, Batch: 1, Threads: threads, File: modelFile(dir, net)}
			cs = append(cs, &contest{name: "infer " + net + ", batch 1", spec: s, peers: rivals(found, "onnxruntime", "")})
		}
	}
	for threads := 1; threads <= 2; threads++ {
		s := Spec{Work: "infer", Net: detector, Batch: 1, Threads: threads, File: modelFile(dir, detector)}
		cs = append(cs, &contest{name: "infer mobilenetv2 with a detection head at 320, batch 1", spec: s, peers: rivals(found, "onnxruntime", "")})
	}
	return append(append(cs, scaling("resnet18")), products(found)...)
}

// scaling is a training step of ours on one thread and on two, in turns.
func scaling(net string) *contest {
	two := rival{peer: peer{kind: "secateur", version: "on two threads"}, threads: 2}
	return &contest{name: "two threads over one, step " + net + ", batch 8", scales: true, peers: []rival{two},
		spec: Spec{Work: "step", Net: net, Batch: 8, Threads: 1}}
}

func products(found []peer) (cs []*contest) {
	for _, gradient := range []bool{false, true} {
		for _, shape := range bench.Shapes {
			s := Spec{Work: "gemm", Threads: 1, Shape: [3]int{shape.Pixels, shape.Filters, shape.Inner}, Gradient: gradient}
			s.Inner = max(1, int(2e8/(float64(shape.Pixels)*float64(shape.Filters)*float64(shape.Inner))))
			what := "forward"
			if gradient {
				what = "weight gradient"
			}
			cs = append(cs, &contest{name: shape.Name + ", " + what, spec: s, peers: rivals(found, "openblas", "")})
		}
	}
	return cs
}

func rivals(found []peer, kind string, layouts ...string) (rs []rival) {
	for _, p := range found {
		for _, l := range layouts {
			if p.kind == kind {
				rs = append(rs, rival{peer: p, layout: l})
			}
		}
	}
	return rs
}

// title names the contest.
func (c *contest) title() string { return fmt.Sprintf("%s, %d threads", c.name, c.spec.Threads) }

// reps is repetitions of a turn: not counted first, then counted. Short work is repeated, so that
// the caches are its own, and has turns times as many turns, over as long a time.
func (c *contest) reps() (warm, n, turns int) {
	switch c.spec.Work {
	case "step":
		return 0, 1, 1
	case "infer":
		return 2, 8, 4
	}
	return 1, 3, 1
}

// hold starts all contestants and lets them take turns.
func (c *contest) hold(rounds int) error {
	if c.spec.File != "" {
		if err := export(c.spec); err != nil {
			return err
		}
	}
	c.busy = calm()
	players, err := c.start()
	defer func() {
		for _, p := range players {
			p.stop()
		}
	}()
	if err != nil {
		return err
	}
	warm, n, turns := c.reps()
	for range rounds * turns {
		for _, p := range players {
			if err := p.turn(warm, n); err != nil {
				return err
			}
		}
	}
	for _, p := range players {
		c.Entries = append(c.Entries, newEntry(p))
	}
	return nil
}

// start starts all of them side by side: an interpreter takes seconds to be ready.
func (c *contest) start() ([]*player, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ps, errs := make([]*player, 1+len(c.peers)), make([]error, 1+len(c.peers))
	var all sync.WaitGroup
	all.Go(func() { ps[0], errs[0] = start("Secateur", c.spec, self, "serve") })
	for i, r := range c.peers {
		s := c.spec
		s.Peer, s.Layout = r.kind, r.layout
		program := []string{r.python, script}
		if c.scales {
			s.Threads, program = r.threads, []string{self, "serve"}
		}
		all.Go(func() { ps[i+1], errs[i+1] = start(strings.TrimSpace(r.String()+" "+r.layout), s, program...) })
	}
	all.Wait()
	return slices.DeleteFunc(ps, func(p *player) bool { return p == nil }), errors.Join(errs...)
}

func export(s Spec) error {
	g, err := network(s.Net, 1)
	if err != nil {
		return err
	}
	return onnx.Export(g, s.File)
}

// ratio is our time over that of the best peer: the median over the turns of what ours took over what the peer took beside it,
// since the machine changes from minute to minute.
func (c *contest) ratio() float64 { return c.worst(entry.over) }

// memory is our peak memory over the smallest of the peers.
func (c *contest) memory() float64 {
	return c.worst(func(ours, peer entry) float64 { return float64(ours.RSS) / float64(peer.RSS) })
}

// worst is the largest ratio of ours and a peer, NaN without one.
func (c *contest) worst(ratio func(ours, peer entry) float64) float64 {
	most := math.NaN()
	for _, e := range c.Entries[1:] {
		if v := ratio(c.Entries[0], e); !(v <= most) {
			most = v
		}
	}
	return most
}

// over is the median over the turns of times of e over those of o.
func (e entry) over(o entry) float64 {
	ratios := make([]float64, len(e.Turns))
	for i, t := range e.Turns {
		ratios[i] = t / o.Turns[i]
	}
	return median(ratios)
}

// scaling is our time over that of ours on two threads.
func (c *contest) scaling() float64 { return c.Entries[0].over(c.Entries[1]) }

func (c *contest) line() string {
	parts := []string{c.title() + ":"}
	for _, e := range c.Entries {
		parts = append(parts, fmt.Sprintf("%s %.2f ms (best %.2f, %d MiB);", e.Name, e.Median, e.Best, e.RSS>>20))
	}
	if c.scales {
		return fmt.Sprintf("%s %.2f times as fast; others used %.0f %% of the CPUs", strings.Join(parts, " "), c.scaling(), 100*c.busy)
	}
	return fmt.Sprintf("%s ratio %.2f; others used %.0f %% of the CPUs", strings.Join(parts, " "), c.ratio(), 100*c.busy)
}
