package train

import (
	"errors"
	"fmt"

	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// checkGates refuses to keep Γ of the loss where nothing could be done with it.
func (j *job) checkGates() error {
	if j.Prune == nil || !j.Prune.TrainGates {
		return nil
	}
	c, err := criteria.Lookup(j.Prune.Criterion)
	switch {
	case err != nil:
		return err
	case j.task == (detector{}):
		return errors.New("train-gates keeps gradients of the loss by picture as it is shown, and a detector's are of single objects, which move and mix from picture to picture: a scoring pass makes them")
	case j.Part == Suffix:
		return errors.New("train-gates keeps gradients of what trains, and part suffix trains behind filters that are pruned too: a scoring pass makes them")
	case !c.Needs.Has(criteria.LossGradients):
		return fmt.Errorf("train-gates keeps gradients of the loss, and criterion %s looks at %s: leave it away, or prune by one of the loss such as fisher-loss", c.Name, c.Needs)
	}
	return nil
}

// watchGates lets the last epoch of a recipe keep Γ of the loss, where that is asked for: the gradients at the gates are made
// anyway (Molchanov et al., CVPR 2019, §3; reference: pruning §1.1). The loss is the one that is trained, of pictures as
// they are shown. A plan that would not fit the memory budget with it does without: the next turn scores in a pass of its own.
func (t *tuner) watchGates(epoch int) error {
	if t.Prune == nil || !t.Prune.TrainGates || epoch != t.epochs-1 {
		return nil
	}
	st, err := groups.Find(t.net)
	if err != nil {
		return err
	}
	names := score.GateNames(st)
	p, err := t.compileStep(t.part, t.objective, names)
	var over *plan.BudgetError
	if errors.As(err, &over) {
		return nil
	}
	if err != nil {
		return err
	}
	t.use(p)
	t.gates = map[string][]float32{}
	for _, name := range names {
		if p.Has(name + plan.GateSuffix) {
			t.gates[name] = tensor.Floats(len(t.train) * t.net.Node(name).Shape.Channels())
		}
	}
	return nil
}

// keepGates takes the rows of the n images of the step: what each adds to the mean loss of the batch, times n.
func (t *tuner) keepGates(n int) {
	for name, all := range t.gates {
		if !t.plan.Has(name + plan.GateSuffix) {
			return // of an epoch before
		}
		c := len(all) / len(t.train)
		rows := t.plan.Data(name + plan.GateSuffix)
		for i, at := range t.batch.Index[:n] {
			own := all[int(at)*c:][:c]
			for k, v := range rows[i*c:][:c] {
				own[k] = float32(n) * v
			}
		}
	}
}
