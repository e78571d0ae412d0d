package explain

import (
	"fmt"
	"slices"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// Each network of a run is timed in timedRounds or, if these take less than timedFor, in as many as it takes, at most
// mostRounds. The first round warms up.
const (
	timedRounds = 16
	mostRounds  = 200
	timedFor    = 3 * time.Second
)

// pace times the networks of all turns at one picture a step, in turn in each round, so that what else the machine does falls
// on all alike: the medians are the abscissae of the curve of accuracy over time. Networks of turns are made again by their
// widths, of which their time hangs.
func (e *explainer) pace() error {
	nets := []*graph.Graph{e.run.Dense}
	for i := range e.run.Turns {
		g, err := e.shaped(i)
		if err != nil {
			return fmt.Errorf("the network of turn %d: %w", e.run.Turns[i].Turn, err)
		}
		nets = append(nets, g)
	}
	plans := make([]*plan.Plan, len(nets))
	for i, g := range nets {
		var err error
		if plans[i], err = plan.Compile(g, plan.Options{Env: e.Env, Batch: 1, Fold: true}); err != nil {
			return err
		}
	}
	times, start := make([][]float64, len(nets)), time.Now()
	for round := 0; round < mostRounds && (round < timedRounds || time.Since(start) < timedFor); round++ {
		for i, p := range plans {
			began := time.Now()
			if err := p.Run(); err != nil {
				return err
			}
			if round > 0 {
				times[i] = append(times[i], float64(time.Since(began).Nanoseconds())/1e6)
			}
		}
		e.report("timing", "rounds", min(round+1, timedRounds), timedRounds)
		if err := e.ctx.Err(); err != nil {
			return err
		}
	}
	for i, ms := range times {
		slices.Sort(ms)
		e.out.Turns[i].Latency = ms[len(ms)/2]
	}
	return nil
}

// shaped is the dense network in the widths that turn i gave it, accepted or not.
func (e *explainer) shaped(i int) (*graph.Graph, error) {
	var cuts []train.Turn
	for k, t := range e.run.Turns[:i+1] {
		if t.Accepted || k == i {
			cuts = append(cuts, t)
		}
	}
	g := e.run.Dense
	for _, t := range cuts {
		if t.Block == nil {
			continue
		}
		at := slices.IndexFunc(groups.Blocks(g), func(b *groups.Block) bool { return b.Name == t.Block.Name })
		if at < 0 {
			return nil, fmt.Errorf("there is no block %s", t.Block.Name)
		}
		var err error
		if g, err = groups.Drop(g, groups.Blocks(g)[at], nil); err != nil {
			return nil, err
		}
	}
	st, err := groups.Find(g)
	if err != nil {
		return nil, err
	}
	remove := map[int][]int{}
	for _, t := range cuts {
		addRemoved(remove, st, t.Removed)
	}
	small, _, err := groups.Cut(g, st, remove)
	return small, err
}

// addRemoved adds the units that decisions took; those of a block that is gone are gone with it.
func addRemoved(remove map[int][]int, st *groups.Structure, list []pruning.Decision) {
	for _, d := range list {
		if g := st.Named(d.Group); d.Block == "" && g != nil {
			if u := unitOf(g, d.Leaf, d.Filter); u >= 0 {
				remove[g.ID] = append(remove[g.ID], u)
			}
		}
	}
}
