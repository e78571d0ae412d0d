package box

import (
	"context"
	"fmt"
	"io"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/core/score"
)

// settleBudget makes a budget that is a share one of the factory model, and lets a network within it be: what is live
// was pruned before, and every retraining would take the same share of what is left.
func (b *Box) settleBudget(ctx context.Context, r *Retrain, log io.Writer) error {
	if r.Prune == nil || r.Prune.Budget.Share == 0 || r.Base != "" {
		return nil
	}
	st, _, err := b.Models.State()
	if err != nil {
		return err
	}
	if st.Factory == 0 {
		fmt.Fprintf(log, "no model is the factory's, so %v is a share of the live one; stage one with --factory\n", r.Prune.Budget)
		return nil
	}
	factory, err := checkpoint.LoadModel(b.Models.Path(st.Factory))
	if err != nil {
		return fmt.Errorf("the factory model, which %v is a share of: %w", r.Prune.Budget, err)
	}
	now, whole, err := b.parts(ctx, r, factory)
	if err != nil {
		return err
	}
	p, share := *r.Prune, r.Prune.Budget
	p.Budget.Share, p.Budget.Count = 0, max(1, int64(share.Share*float64(whole)))
	r.Prune = &p
	if now <= p.Budget.Count {
		fmt.Fprintf(log, "%s of the factory model's %s are left, within %v: nothing is pruned\n", share.Format(now), share.Format(whole), share)
		r.Prune = nil
	}
	return nil
}

// parts is what the budget counts of the network that is retrained and of the factory's.
func (b *Box) parts(ctx context.Context, r *Retrain, factory *graph.Graph) (now, whole int64, err error) {
	costs := score.Costs(b.Env, r.Prune.Budget, "", latency.Open(b.Env))
	var part [2]int64
	for i, g := range []*graph.Graph{r.Model, factory} {
		c, err := score.Measured(ctx, b.Env, g, costs)
		if err != nil {
			return 0, 0, err
		}
		part[i] = r.Prune.Budget.Part(c)
	}
	return part[0], part[1], nil
}
