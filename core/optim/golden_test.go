package optim_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/kernels"
)

// goldenCase is one of testdata/optim.json, which tools/golden/optim.py makes with PyTorch.
type goldenCase struct {
	Name                                       string
	Adam                                       bool
	Momentum, Beta2, Eps, Decay, Clip, Average float32
	Rates                                      map[string]float32
	Start                                      map[string][]float32
	Steps                                      []struct {
		LR             float32
		Grads          map[string][]float32
		After, Average map[string][]float64
	}
}

func (c goldenCase) rule() optim.Rule {
	return optim.Rule{Adam: c.Adam, Momentum: c.Momentum, Beta2: c.Beta2, Eps: c.Eps, Decay: c.Decay, Clip: c.Clip,
		Average: c.Average, RateOf: func(name string) float32 { return c.Rates[name] }}
}

func TestRulesAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/optim.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 7 {
		t.Fatalf("%d cases, want 7", len(cases))
	}
	for _, set := range kernels.Available() {
		for _, c := range cases {
			t.Run(set.Name+"/"+c.Name, func(t *testing.T) { c.check(t, set) })
		}
	}
}

func (c goldenCase) check(t *testing.T, set kernels.Set) {
	params, r := clone(c.Start), c.rule()
	tr := newTrainer(t, &r, set, 1, params)
	for k, s := range c.Steps {
		tr.step(t, k, s.LR, s.Grads)
		for name := range params {
			wantNear(t, name, params[name], s.After[name], 2e-6)
			wantNear(t, name+".ema", r.Saved[name+".ema"], s.Average[name], 2e-6)
		}
	}
}
