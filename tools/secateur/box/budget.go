package box

import (
	"context"
	"fmt"
	"io"

	"github.com/secateur/secateur/core/checkpoint"
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
	p, share := *r.Prune, r.Prune.Budget
	costs := score.Costs(b.Env, share, "", latency.Open(b.Env))
	whole, err := score.Measured(ctx, b.Env, factory, costs)
	if err != nil {
		return err
	}
	now, err := score.Measured(ctx, b.Env, r.Model, costs)
	if err != nil {
		return err
	}
	p.Budget.Share, p.Budget.Count = 0, max(1, share.Target(whole))
	r.Prune = &p
	if left := share.Part(now); left <= p.Budget.Count {
		fmt.Fprintf(log, "%s of the factory model's %s are left, within %v: nothing is pruned\n", share.Format(left), share.Format(share.Part(whole)), share)
		r.Prune = nil
	}
	return nil
}
