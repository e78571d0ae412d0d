package train

import (
	"context"
	"math"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/internal/toy"
	"gonum.org/v1/gonum/mat"
)

// firstLoss is the loss of the first step of a run, on all training images as they are, and the run.
func firstLoss(t *testing.T, c Config, o func(*job) Objective) (float64, *tuner) {
	t.Helper()
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range j.params() { // away from the source
		for k := range p {
			j.net.Node(i).Value[k] *= 1.25
		}
	}
	for i := range len(j.train) * 3 {
		j.anchor = append(j.anchor, float32(math.Sin(float64(i))))
	}
	u, err := j.newTuner(recipe{name: "x", epochs: 1, part: Full, objective: o(j)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.loader.Close)
	fed(t, u)
	if err := u.plan.Run(); err != nil {
		t.Fatal(err)
	}
	return float64(u.plan.Data(loss)[0]), u
}

// TestRegularisers: L2-SP and BSS add to the loss what they should, by an independent calculation.
func TestRegularisers(t *testing.T) {
	c := smallConfig(t)
	c.Augment, c.Batch = data.Augment{}, len(c.Data.Train)
	bare, u := firstLoss(t, c, (*job).plain)
	cached, err := u.cacheFeatures(u.net.Outputs[0].In[0], false)
	if err != nil {
		t.Fatal(err)
	}
	x := cached.x
	c.L2SP = 0.3
	pulled, u := firstLoss(t, c, (*job).plain)
	own, want := taskOf(u.net).head(u.net), 0.0
	for _, p := range u.net.Nodes {
		if w0 := c.Model.Node(p.Name); w0 != nil && u.source()[p.Name] != nil && !own[p] {
			for _, v := range w0.Value {
				want += 0.3 / 2 * math.Pow(0.25*float64(v), 2)
			}
		}
	}
	if want < 0.01 {
		t.Fatalf("the pull is %g: nothing is tested", want)
	}
	toy.Near(t, "L2-SP", pulled-bare, want, 1e-4*math.Max(1, want))
	c.L2SP, c.BSS = 0, 20
	shrunk, _ := firstLoss(t, c, (*job).plain)
	f := mat.NewDense(c.Batch, len(x)/c.Batch, nil)
	for i, v := range x {
		f.Set(i/(len(x)/c.Batch), i%(len(x)/c.Batch), float64(v))
	}
	var svd mat.SVD
	if !svd.Factorize(f, mat.SVDNone) {
		t.Fatal("no decomposition")
	}
	s := svd.Values(nil)
	toy.Near(t, "BSS", shrunk-bare, 20*math.Pow(s[len(s)-1], 2), 1e-4)
	if shrunk == bare {
		t.Error("the smallest singular value is zero: nothing is tested")
	}
}

// TestMixedTeacher: the answer that a mixed picture is taught is the mixture of the dense network's.
func TestMixedTeacher(t *testing.T) {
	a, b, z := []float32{1, -2, 0.5}, []float32{0, 3, -1}, make([]float32, 3)
	mixAnswers(z, a, b, 0.3, 2)
	p, q, m := probabilities(a, 2), probabilities(b, 2), probabilities(z, 2)
	for i := range z {
		toy.Near(t, "probability", m[i], 0.3*p[i]+0.7*q[i], 1e-6)
	}
	c := smallConfig(t)
	c.Augment, c.Batch = data.Augment{Mixup: 1}, len(c.Data.Train)
	_, u := firstLoss(t, c, func(*job) Objective { return Objective{Distill: 0.7, Temperature: 2} })
	share, mixed := float64(u.batch.Share), 0
	for i := range c.Batch {
		own, mate := probabilities(u.answer(i), 2), probabilities(u.answer(int(u.batch.Mates[i])), 2)
		got := probabilities(u.plan.Data(teacher)[3*i:3*i+3], 2)
		for k := range got {
			toy.Near(t, "taught", got[k], share*own[k]+(1-share)*mate[k], 1e-5)
		}
		if int(u.batch.Mates[i]) != i {
			mixed++
		}
	}
	if mixed < c.Batch-1 || share == 1 {
		t.Errorf("%d of %d pictures are mixed, share %g", mixed, c.Batch, share)
	}
}
