package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// samplesOf has that many samples of each class.
func samplesOf(name string, counts ...int) []data.Sample {
	var list []data.Sample
	for class, n := range counts {
		for i := range n {
			list = append(list, data.Sample{Name: fmt.Sprintf("%s/%d/%d", name, class, i), Class: class})
		}
	}
	return list
}

func TestClassWeights(t *testing.T) {
	j := &job{task: classifier{}, Config: Config{Data: &data.Splits{Classes: toy.Classes}}, train: samplesOf("train", 2, 6, 4)}
	total := 0.0
	for c, w := range j.classWeights() {
		toy.Near(t, "weight", float64(w), 12/float64(3*[]int{2, 6, 4}[c]), 1e-6)
		total += float64(w) * float64([]int{2, 6, 4}[c])
	}
	toy.Near(t, "mean over the images", total/12, 1, 1e-6)
	j.NoWeights = true
	for _, w := range j.classWeights() {
		toy.Near(t, "weight", float64(w), 1, 0)
	}
}

// TestSplit: what is trained, watched and tested with.
func TestSplit(t *testing.T) {
	val, test := samplesOf("val", 9, 9), samplesOf("test", 5, 5)
	for _, c := range []struct {
		what             string
		train            []data.Sample
		val, test        []data.Sample
		patience         int
		trains, watches  int
		tests, testsName string
	}{
		{"all three parts", samplesOf("train", 40, 40), val, test, 5, 80, 18, "test", "test"},
		{"enough to hold out", samplesOf("train", 40, 25), nil, test, 5, 52, 13, "test", "test"},
		{"too few to hold out", samplesOf("train", 40, 24), nil, test, 5, 64, 0, "test", "test"},
		{"no early stopping", samplesOf("train", 40, 25), nil, test, 0, 65, 0, "test", "test"},
		{"no test part: val is tested and not watched", samplesOf("train", 40, 25), val, nil, 5, 52, 13, "val", "val"},
	} {
		j := &job{task: classifier{}, Config: Config{Data: &data.Splits{Classes: toy.Classes[:2], Train: c.train, Val: c.val, Test: c.test}, Patience: c.patience, Seed: 1}}
		j.split()
		if len(j.train) != c.trains || len(j.val) != c.watches || !strings.HasPrefix(j.tested()[0].Name, c.tests) {
			t.Errorf("%s: %d to train, %d to watch, tested by %s; want %d, %d, %s", c.what, len(j.train), len(j.val), j.tested()[0].Name, c.trains, c.watches, c.tests)
		}
		used := map[string]bool{}
		for _, part := range [][]data.Sample{j.train, j.val, j.test} {
			for _, s := range part {
				if used[s.Name] {
					t.Fatalf("%s: %s is used twice", c.what, s.Name)
				}
				used[s.Name] = true
			}
		}
	}
}

// smoothed is the smoothed cross-entropy of a row of logits.
func smoothed(z []float32, class int, s float64) float64 {
	p := probabilities(z, 1)
	sum := 0.0
	for c, v := range p {
		q := s / float64(len(z))
		if c == class {
			q += 1 - s
		}
		sum -= q * math.Log(v)
	}
	return sum
}

func probabilities(z []float32, temperature float64) []float64 {
	out, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		out[i] = math.Exp(float64(v) / temperature)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// divergence is KL(teacher ‖ student) at a temperature.
func divergence(teacher, student []float32, temperature float64) float64 {
	p, q := probabilities(teacher, temperature), probabilities(student, temperature)
	sum := 0.0
	for i := range p {
		sum += p[i] * math.Log(p[i]/q[i])
	}
	return sum
}

// TestObjective: a step's loss by hand, from the logits that it worked with, in a batch that is not
// full: (1-d) times the class-weighted mean of the smoothed cross-entropy, and d·T² times the mean
// divergence from the teacher.
func TestObjective(t *testing.T) {
	c := smallConfig(t)
	c.Batch, c.Data.Train = 8, append(c.Data.Train[:3], c.Data.Train[10:18]...) // 3, 6 and 2 of a class
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(j.train) * 3 {
		j.anchor = append(j.anchor, float32(math.Sin(float64(i))))
	}
	const share, temperature, smoothing = 0.7, 2.0, 0.1
	for i := range j.net.Node(headWeight).Value {
		j.net.Node(headWeight).Value[i] *= 100
	}
	u, err := j.newTuner(recipe{name: "x", epochs: 1, rate: 0.01, part: Full, objective: Objective{Smoothing: smoothing, Distill: share, Temperature: temperature}})
	if err != nil {
		t.Fatal(err)
	}
	defer u.loader.Close()
	u.loader.Epoch(0, 0, true)
	u.loader.Next(&u.batch)
	n, err := u.loader.Next(&u.batch) // the rest
	if err != nil || n != 3 {
		t.Fatalf("%d images, %v", n, err)
	}
	u.feed(0, n)
	if err := u.plan.Run(); err != nil {
		t.Fatal(err)
	}
	counts := data.Count(j.train, 3)
	hard, soft, weights := 0.0, 0.0, 0.0
	for i := range n {
		k := int(u.batch.Index[i])
		z, w := u.plan.Data(u.logits)[3*i:3*i+3], 11/(3*float64(counts[j.train[k].Class]))
		weights += w
		hard += w * smoothed(z, j.train[k].Class, smoothing)
		soft += divergence(j.anchor[3*k:3*k+3], z, temperature) / float64(n)
	}
	toy.Near(t, "loss", float64(u.plan.Data(loss)[0]), (1-share)*hard/weights+share*temperature*temperature*soft, 1e-5)
	for i := n; i < 8; i++ {
		if u.plan.Data(weight)[i] != 0 || u.plan.Data(teacherWeight)[i] != 0 {
			t.Errorf("padding %d has weight", i)
		}
	}
}

// watched runs an adaptation and returns its events and its result.
func watched(t *testing.T, c Config) (*Result, []Event) {
	t.Helper()
	var events []Event
	c.On = func(e Event) { events = append(events, e) }
	r, err := Adapt(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r, events
}

// TestEarlyStopping: after Patience epochs without a lower validation loss the run ends with the
// network of the lowest, its weights averaged where that was asked for.
func TestEarlyStopping(t *testing.T) {
	losses := map[float64]bool{}
	for _, average := range []float64{0, 0.5} {
		c := smallConfig(t)
		c.Epochs, c.Patience, c.Rate, c.Average = 30, 3, 0.05, average
		r, events := watched(t, c)
		best, at, epochs := math.Inf(1), 0, 0
		for _, e := range events {
			if e.Event == "epoch" {
				if epochs++; e.ValLoss < best {
					best, at = e.ValLoss, e.Epoch
				}
			}
		}
		if epochs != min(at+3, 30) || epochs == 30 {
			t.Errorf("best at epoch %d, stopped after %d, want 3 more and not all 30", at, epochs)
		}
		v, err := eval.Evaluate(context.Background(), c.Env, r.Model, c.Data.Val, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		toy.Near(t, "validation loss of the result", v.Loss, best, 1e-5)
		if losses[v.Loss] {
			t.Error("averaging the weights changes nothing")
		}
		losses[v.Loss] = true
	}
}

// TestNoPatience: 0 never stops, and the last network is the result.
func TestNoPatience(t *testing.T) {
	c := smallConfig(t)
	c.Epochs, c.Patience, c.Rate = 8, 0, 0.05
	_, events := watched(t, c)
	if last := events[len(events)-2]; last.Epoch != 8 {
		t.Errorf("stopped at %+v, want all 8 epochs", last)
	}
}

// TestStopIsKept: a run that is killed between its early stop and the next checkpoint does not
// train on when it is resumed.
func TestStopIsKept(t *testing.T) {
	c := smallConfig(t)
	c.Epochs, c.Patience, c.Rate = 30, 2, 0.05
	whole, _ := watched(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	c.RunDir = t.TempDir()
	c.Progress = func(p eval.Progress) {
		if p.Phase == "eval" {
			cancel()
		}
	}
	if _, err := Adapt(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	c.Progress, c.Resume = nil, true
	r, events := watched(t, c)
	for _, e := range events {
		if e.Event == "epoch" {
			t.Errorf("epoch %d was trained after the stop", e.Epoch)
		}
	}
	if w, v := whole.Model.Node(headWeight).Value, r.Model.Node(headWeight).Value; fmt.Sprint(w) != fmt.Sprint(v) {
		t.Error("the resumed run ends with another head")
	}
}

// TestKeptHead: a model that knows the classes trains the head it has, under the name it has.
func TestKeptHead(t *testing.T) {
	c := smallConfig(t)
	c.Model = toy.SmallNet(toy.Classes...)
	c.HeadSteps, c.Epochs = 30, 0
	r, events := watched(t, c)
	if r.Model.Outputs[0].Name != "fc" || fmt.Sprint(r.Model.Node("fc.weight").Value) == fmt.Sprint(c.Model.Node("fc.weight").Value) {
		t.Errorf("output %s, or its weight was not trained", r.Model.Outputs[0].Name)
	}
	if e := events[1]; e.Event != "head" || e.Accuracy < 0.5 {
		t.Errorf("the head reached %+v", e)
	}
}

// needOf is the memory that a step of a part needs.
func needOf(t *testing.T, c Config, p Part) int64 {
	t.Helper()
	c.Part, c.MemoryBudget = p, 1
	_, err := newJob(context.Background(), c)
	var budget *plan.BudgetError
	if !errors.As(err, &budget) {
		t.Fatalf("%s in one byte: %v", p, err)
	}
	return budget.Need
}

// TestAuto takes the first of full, sparse, bias and head that fits.
func TestAuto(t *testing.T) {
	c := smallConfig(t)
	full, sparse, bias := needOf(t, c, Full), needOf(t, c, Sparse), needOf(t, c, Bias)
	if !(full > sparse && sparse > bias) {
		t.Fatalf("full needs %d, sparse %d, bias %d bytes", full, sparse, bias)
	}
	chosen := func(budget int64) Part {
		c.Part, c.MemoryBudget = Auto, budget
		j, err := newJob(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		return j.Part
	}
	for budget, want := range map[int64]Part{0: Full, full: Full, full - 1: Sparse, sparse: Sparse, sparse - 1: Bias, bias: Bias, bias - 1: Head} {
		if got := chosen(budget); got != want {
			t.Errorf("in %d bytes: %s, want %s", budget, got, want)
		}
	}
	c.Prune = DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.5})
	c.Part, c.MemoryBudget = Head, bias
	var budget *plan.BudgetError
	if _, err := newJob(context.Background(), c); !errors.As(err, &budget) {
		t.Errorf("pruning trains more than a head; in %d bytes: %v", bias, err)
	}
}

// TestTurnShare: that share, taken Turns times, leaves the budget.
func TestTurnShare(t *testing.T) {
	cost := groups.Cost{MACs: 1000, Params: 500}
	for _, b := range []pruning.Budget{{Of: "macs", Share: 0.5}, {Of: "params", Share: 0.2}, {Of: "macs", Count: 800}} {
		p := &Prune{Budget: b, Turns: 7}
		left := math.Pow(1-turnShare(p, cost), 7)
		toy.Near(t, b.String(), left, float64(b.Target(cost))/float64(b.Part(cost)), 1e-9)
	}
	toy.Near(t, "share of a budget above the cost", turnShare(&Prune{Budget: pruning.Budget{Of: "macs", Count: 2000}, Turns: 7}, cost), 0, 0)
}

// TestNothingToPrune names the reason.
func TestNothingToPrune(t *testing.T) {
	c := smallConfig(t)
	c.Model = toy.New(8, 3).Vector().Linear("fc", 2).Model("x", "y")
	c.Prune = DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.5})
	if _, err := Adapt(context.Background(), c); err == nil || !strings.Contains(err.Error(), "no filter of this model may be pruned") {
		t.Errorf("error %v", err)
	}
}
