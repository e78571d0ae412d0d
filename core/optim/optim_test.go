package optim_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// trainer is a plan of nothing but updates: gradients are fed.
type trainer struct {
	*plan.Plan
	names []string
}

// newTrainer makes the updates of these parameters, whose values it changes.
func newTrainer(t *testing.T, r *optim.Rule, set kernels.Set, threads int, params map[string][]float32) trainer {
	t.Helper()
	g := graph.New()
	names := slices.Sorted(maps.Keys(params))
	var ps, ds []*graph.Node
	for _, name := range names {
		s := tensor.Shape{len(params[name])}
		ps = append(ps, g.Leaf(name, graph.Param, s, params[name]))
		ds = append(ds, g.Leaf("d"+name, graph.Input, s, nil))
	}
	r.Update(g, ps, ds)
	pool := kernels.NewPool(threads)
	t.Cleanup(pool.Close)
	p, err := plan.Compile(g, plan.Options{Env: graph.Env{Kernels: set, Pool: pool}})
	if err != nil {
		t.Fatal(err)
	}
	return trainer{p, names}
}

// step is one update, k counted from 0.
func (tr trainer) step(t *testing.T, k int, lr float32, grads map[string][]float32) {
	t.Helper()
	for _, name := range tr.names {
		copy(tr.Data("d"+name), grads[name])
	}
	tr.Data(optim.Rate)[0], tr.Data(optim.Step)[0] = lr, float32(k+1)
	if err := tr.Run(); err != nil {
		t.Fatal(err)
	}
}

// gradients are the same random numbers for the same step: of sizes that split into several
// pieces and of an odd one.
func gradients(k int) map[string][]float32 {
	rng := rand.New(rand.NewPCG(uint64(k), 5))
	out := map[string][]float32{"a": make([]float32, 40_003), "b": make([]float32, 7)}
	for _, name := range []string{"a", "b"} {
		for i := range out[name] {
			out[name][i] = float32(rng.NormFloat64())
		}
	}
	return out
}

func clone(m map[string][]float32) map[string][]float32 {
	out := map[string][]float32{}
	for k, v := range m {
		out[k] = slices.Clone(v)
	}
	return out
}

// reference is the same rule written element by element in float64.
type reference struct {
	optim.Rule
	w, m, v, ema map[string][]float64
}

func newReference(r optim.Rule, params map[string][]float32) *reference {
	ref := &reference{Rule: r, w: map[string][]float64{}, m: map[string][]float64{}, v: map[string][]float64{}, ema: map[string][]float64{}}
	for name, v := range params {
		for _, x := range v {
			ref.w[name] = append(ref.w[name], float64(x))
		}
		ref.ema[name] = slices.Clone(ref.w[name])
		ref.m[name], ref.v[name] = make([]float64, len(v)), make([]float64, len(v))
	}
	return ref
}

func (r *reference) step(k int, lr float64, grads map[string][]float32) {
	norm := 0.0
	for _, g := range grads {
		for _, x := range g {
			norm += float64(x) * float64(x)
		}
	}
	scale := 1.0
	if r.Clip > 0 {
		scale = min(1, float64(r.Clip)/math.Sqrt(norm))
	}
	for name, g := range grads {
		rate := lr
		if r.RateOf != nil {
			rate *= float64(r.RateOf(name))
		}
		for i := range g {
			r.element(name, i, k+1, rate, scale*float64(g[i]))
			a := float64(r.Average)
			r.ema[name][i] = a*r.ema[name][i] + (1-a)*r.w[name][i]
		}
	}
}

func (r *reference) element(name string, i, t int, lr, g float64) {
	w, m, v := &r.w[name][i], &r.m[name][i], &r.v[name][i]
	b1, b2, decay := float64(r.Momentum), float64(r.Beta2), float64(r.Decay)
	if !r.Adam {
		*m = b1**m + g + decay**w
		*w -= lr * *m
		return
	}
	*m, *v = b1**m+(1-b1)*g, b2**v+(1-b2)*g*g
	mHat, vHat := *m/(1-math.Pow(b1, float64(t))), *v/(1-math.Pow(b2, float64(t)))
	*w -= lr*mHat/(math.Sqrt(vHat)+float64(r.Eps)) + lr*decay**w
}

// rules are one of each kind, everything switched on.
func rules() map[string]optim.Rule {
	sgd, adam := optim.SGD(0.01), optim.AdamW(0.1)
	adam.Clip = 2
	plain := optim.Rule{Momentum: 0.5}
	for _, r := range []*optim.Rule{&sgd, &adam, &plain} {
		r.Average = 0.9
		r.RateOf = func(name string) float32 { return map[string]float32{"a": 1, "b": 0.5}[name] }
	}
	return map[string]optim.Rule{"sgd": sgd, "adamw": adam, "plain": plain}
}

// wantNear fails where got is further from want than tol of the largest.
func wantNear(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	scale := 0.0
	for _, x := range want {
		scale = max(scale, math.Abs(x))
	}
	for i, x := range want {
		if !(math.Abs(float64(got[i])-x) <= tol*scale) {
			t.Errorf("%s[%d] is %.9g, want %.9g", what, i, got[i], x)
			return
		}
	}
}

func TestRulesAgainstFloat64(t *testing.T) {
	for name, rule := range rules() {
		for _, set := range kernels.Available() {
			params := clone(gradients(100))
			ref := newReference(rule, params)
			r := rule
			tr := newTrainer(t, &r, set, 2, params)
			for k := range 5 {
				lr := float32(0.1) / float32(k+1)
				tr.step(t, k, lr, gradients(k))
				ref.step(k, float64(lr), gradients(k))
			}
			for p := range params {
				what := set.Name + " " + name + " " + p
				wantNear(t, what, params[p], ref.w[p], 2e-6)
				wantNear(t, what+".m", r.Saved[p+".m"], ref.m[p], 2e-6)
				wantNear(t, what+".ema", r.Saved[p+".ema"], ref.ema[p], 2e-6)
				if r.Adam {
					wantNear(t, what+".v", r.Saved[p+".v"], ref.v[p], 2e-6)
				}
			}
		}
	}
}

// wantSame fails unless both hold the same names and bits.
func wantSame(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d arrays, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		for i, x := range w {
			if math.Float32bits(got[name][i]) != math.Float32bits(x) {
				t.Errorf("%s: %s[%d] is %g, want the bits of %g", what, name, i, got[name][i], x)
				break
			}
		}
	}
}

func TestSavedStateGoesOnBitIdentically(t *testing.T) {
	for name, rule := range rules() {
		whole, parted := clone(gradients(100)), clone(gradients(100))
		r := rule
		tr := newTrainer(t, &r, kernels.Best(), 2, whole)
		for k := range 5 {
			tr.step(t, k, 0.1, gradients(k))
		}
		first := rule
		tr = newTrainer(t, &first, kernels.Best(), 2, parted)
		for k := range 2 {
			tr.step(t, k, 0.1, gradients(k))
		}
		second, resumed := rule, clone(parted)
		second.Saved = clone(first.Saved)
		tr = newTrainer(t, &second, kernels.Best(), 1, resumed)
		for k := 2; k < 5; k++ {
			tr.step(t, k, 0.1, gradients(k))
		}
		wantSame(t, name+": weights", resumed, whole)
		wantSame(t, name+": state", second.Saved, r.Saved)
	}
}

func TestSavedIsSharedAndCompleted(t *testing.T) {
	params := map[string][]float32{"a": {1, 2}, "b": {3}}
	m := []float32{5, 6}
	r := optim.SGD(0)
	r.Average, r.Saved = 0.5, map[string][]float32{"a.m": m}
	tr := newTrainer(t, &r, kernels.Generic(), 1, params)
	if got := slices.Sorted(maps.Keys(r.Saved)); !slices.Equal(got, []string{"a.ema", "a.m", "b.ema", "b.m"}) {
		t.Errorf("saved %v", got)
	}
	if r.Saved["a.ema"][1] != 2 {
		t.Error("the average does not begin at the parameter")
	}
	tr.step(t, 0, 1, map[string][]float32{"a": {0, 0}, "b": {0}})
	if m[0] != 4.5 || params["a"][0] != 1-4.5 {
		t.Errorf("m %v, a %v: the saved momentum was not taken over", m, params["a"])
	}
}

// TestAStepThatIsNotFiniteIsLeftOut: all of it where all gradients are clipped together, else what is not finite.
func TestAStepThatIsNotFiniteIsLeftOut(t *testing.T) {
	for name, rule := range rules() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			params := clone(gradients(100))
			r := rule
			r.Average = 0
			tr := newTrainer(t, &r, kernels.Best(), 1, params)
			tr.step(t, 0, 0.1, gradients(0))
			before, state := clone(params), clone(r.Saved)
			spoiled := gradients(1)
			spoiled["b"][3] = bad
			tr.step(t, 1, 0.1, spoiled)
			if r.Clip == 0 {
				if params["a"][0] == before["a"][0] {
					t.Errorf("%s: a waits for the gradient of b", name)
				}
				for _, m := range []map[string][]float32{params, before, r.Saved, state} {
					maps.DeleteFunc(m, func(name string, _ []float32) bool { return name[0] == 'a' })
				}
			}
			wantSame(t, name+": weights", params, before)
			wantSame(t, name+": state", r.Saved, state)
			tr.step(t, 2, 0.1, gradients(2))
			if params["b"][3] == before["b"][3] {
				t.Errorf("%s: training stopped after a step that was left out", name)
			}
		}
	}
}

func TestUpdateOpsRefuse(t *testing.T) {
	w, one, other := tensor.Shape{2, 3}, tensor.Shape{1}, tensor.Shape{3, 2}
	for _, c := range []struct {
		op graph.Op
		in []tensor.Shape
		ok bool
	}{
		{optim.SGDUpdate{}, []tensor.Shape{w, w, w, one, one}, true},
		{optim.SGDUpdate{}, []tensor.Shape{w, other, w, one, one}, false},
		{optim.SGDUpdate{}, []tensor.Shape{w, w, w, one, w}, false},
		{optim.SGDUpdate{}, []tensor.Shape{w, w, w, one}, false},
		{optim.AdamWUpdate{}, []tensor.Shape{w, w, w, w, one, one, one}, true},
		{optim.AdamWUpdate{}, []tensor.Shape{w, w, w, w, one, one}, false},
		{optim.AdamWUpdate{}, []tensor.Shape{w, w}, false},
		{optim.Average{}, []tensor.Shape{w, w}, true},
		{optim.Average{}, []tensor.Shape{w, other}, false},
		{optim.Average{}, []tensor.Shape{w, w, one}, false},
	} {
		s, err := c.op.Infer(c.in)
		if (err == nil) != c.ok || c.ok && !s.Equal(w) {
			t.Errorf("%s of %v: %v, %v", c.op.Kind(), c.in, s, err)
		}
	}
}
