package score

import (
	"context"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// Costs says what networks cost in all that the budget counts and the allocator saves, from shapes alone: time is
// predicted from the table of the machine, which measures what it has not seen yet.
func Costs(e graph.Env, b pruning.Budget, allocator string, t *latency.Table) func(*graph.Graph) (groups.Cost, error) {
	return func(g *graph.Graph) (groups.Cost, error) {
		c := groups.CostOf(g)
		var err error
		if b.Of == "latency" || allocator == "latency" {
			c.Latency, err = t.Predict(g)
		}
		if err == nil && (b.Of == "memory" || allocator == "memory") {
			c.Memory, err = plan.Need(g, plan.Options{Env: e, Batch: 1, Fold: true})
		}
		if err == nil && b.Of == "bytes" {
			c.Bytes, err = fileBytes(g)
		}
		return c, err
	}
}

// noted is what commands write into a model file beside the network: parent, time.
const noted = 256

func fileBytes(g *graph.Graph) (int64, error) {
	f, err := checkpoint.ModelFile(g)
	if err != nil {
		return 0, err
	}
	n, err := checkpoint.Size(f)
	return n + noted, err
}

// Measured is what g costs by costs, but with the median time of an image in one position as it is measured where costs
// tells of time at all.
func Measured(ctx context.Context, e graph.Env, g *graph.Graph, costs func(*graph.Graph) (groups.Cost, error)) (groups.Cost, error) {
	c, err := costs(g)
	if err != nil || c.Latency == 0 {
		return c, err
	}
	l, err := eval.MeasureLatency(ctx, e, g, 1)
	c.Latency = int64(l.P50 * 1e6)
	return c, err
}
