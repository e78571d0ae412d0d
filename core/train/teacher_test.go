package train

import (
	"context"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning"
)

// TestLiveTeacher: the dense network's answers are those to the pixels of the batch, augmented and mixed; a run that
// is killed and resumed, with the teacher from its folder, ends with the same bits.
func TestLiveTeacher(t *testing.T) {
	c := smallConfig(t)
	c.Epochs, c.Prune = 1, DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.6})
	c.Prune.Turns, c.Prune.FinalEpochs, c.Prune.Tolerance, c.Prune.LiveTeacher, c.Prune.Mixup = 3, 2, 1, true, 1
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	j.dense = j.net.Copy()
	for i := range j.net.Node("a.weight").Value {
		j.net.Node("a.weight").Value[i] *= 2 // the student is another network
	}
	u, err := j.newTuner(recipe{name: "x", epochs: 1, part: Full, objective: j.distilled()})
	if err != nil {
		t.Fatal(err)
	}
	defer u.loader.Close()
	n := fed(t, u)
	if err := u.askLive(n); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(j.dense, plan.Options{Env: j.Env, Fold: true})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Data(eval.Input(j.dense)), u.batch.X)
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	want := p.Data(j.dense.Outputs[0].Name)
	for i, v := range u.plan.Data(teacher)[:n*u.classes] {
		toy.Near(t, "answer", float64(v), float64(want[i]), 1e-6)
	}
	if u.batch.Share == 1 {
		t.Error("nothing is mixed")
	}
	r, _ := watched(t, c)
	for turn := range r.Turns {
		checkResumed(t, c, turn+1, r.Model)
	}
}
