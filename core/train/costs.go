package train

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/pruning/groups"
)

// timed reports whether this run looks at the time of an image.
func (p *Prune) timed() bool { return p.Budget.Of == "latency" || p.Allocator == "latency" }

// costNow is what the network costs as it stands: its time is measured, batch norm folded. A run with
// timed costs may cut another network when it is done again.
func (j *job) costNow() (groups.Cost, error) {
	c, err := score.Measured(j.ctx, j.Env, j.net, j.costs())
	if j.table != nil {
		j.table.Save()
	}
	return c, err
}

// costs predicts from shapes what networks cost.
func (j *job) costs() func(*graph.Graph) (groups.Cost, error) {
	if j.Prune.timed() && j.table == nil {
		j.table = latency.Open(j.Env)
	}
	return score.Costs(j.Env, j.Prune.Budget, j.Prune.Allocator, j.table)
}

// predicted is costs, made to agree with what was measured of g.
func (j *job) predicted(g *graph.Graph, measured groups.Cost) (func(*graph.Graph) (groups.Cost, error), error) {
	costs := j.costs()
	if j.table == nil {
		return costs, nil
	}
	return costs, j.table.Calibrate(g, measured.Latency)
}
