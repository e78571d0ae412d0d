package plan

import (
	"errors"
	"maps"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/kernels"
)

// packs counts the nodes that pack weights among some steps, by what reads them.
func packs(steps []step) map[string]int {
	n := map[string]int{}
	for _, s := range steps {
		if p, ok := s.node.Op.(op.PackWeights); ok {
			n[p.Of.Kind()]++
		}
	}
	return n
}

// TestPackOfTrainedAndOfRestingWeights: in toy the convolutions are stem, pw and wide, depthwise dw
// and fully connected fc. Inference packs all beforehand. Training packs those that it changes in
// every step, for the forward pass and for the gradient of the input; the fully connected layer
// has so few rows that it packs these instead.
func TestPackOfTrainedAndOfRestingWeights(t *testing.T) {
	rule := optim.SGD(0)
	for _, c := range []struct {
		what            string
		g               *graph.Graph
		o               Options
		resting, inStep map[string]int
	}{
		{"inference", toy(4).Graph, Options{Fold: true}, map[string]int{"Conv": 3, "Depthwise": 1, "Gemm": 1}, nil},
		{"head", toyLoss(4).Graph, Options{Loss: "loss", Wrt: []string{"fc.w", "fc.b"}, Rule: &rule},
			map[string]int{"Conv": 3, "Depthwise": 1}, nil},
		{"all", toyLoss(4).Graph, Options{Loss: "loss", Wrt: params(toyLoss(4).Graph, ""), Rule: &rule},
			nil, map[string]int{"Conv": 3, "Depthwise": 1, "ConvGradInput": 2, "DepthwiseGradInput": 1}},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := compile(t, c.g, c.o)
			if got := packs(p.static); !maps.Equal(got, c.resting) {
				t.Errorf("packed beforehand %v, want %v", got, c.resting)
			}
			if got := packs(p.steps); !maps.Equal(got, c.inStep) {
				t.Errorf("packed in a step %v, want %v", got, c.inStep)
			}
		})
	}
}

// TestPackedEqualsUnpacked compares with the same nodes run by themselves, on all sets.
func TestPackedEqualsUnpacked(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := norms()
		p := compile(t, b.Graph, Options{Env: envOf(set, 2), Fold: true})
		for _, s := range p.steps {
			if k, ok := s.node.Op.(op.Packed); ok {
				if c, counts := k.Of.(graph.Counter); counts && s.node.Op.(graph.Counter).MACs(s.node) == 0 {
					t.Errorf("%s: no multiply-adds, %T counts them", s.node.Name, c)
				}
			}
		}
		wantAsNaive(t, p, set, lasting(b.Graph, Options{}))
	})
}

// TestLeanPlanPacksInTheStep: over a budget that all but holds the packed weights they are packed
// step by step, with the same bits.
func TestLeanPlanPacksInTheStep(t *testing.T) {
	b := norms()
	rich := compile(t, b.Graph, Options{Fold: true})
	_, err := Compile(b.Graph, Options{Env: plain(), Fold: true, Budget: 1})
	var over *BudgetError
	if !errors.As(err, &over) {
		t.Fatalf("error %v, want a *BudgetError", err)
	}
	lean := compile(t, b.Graph, Options{Fold: true, Budget: over.Need})
	if len(packs(rich.steps)) != 0 || len(packs(lean.static)) != 0 || len(packs(lean.steps)) == 0 {
		t.Errorf("packed in a step: %v rich, %v lean", packs(rich.steps), packs(lean.steps))
	}
	if r, l := len(rich.prepared), len(lean.prepared); l >= r {
		t.Errorf("%d floats are prepared lean, %d rich", l, r)
	}
	for _, p := range []*Plan{rich, lean} {
		feed(p, 1)
		run(t, p)
	}
	name := b.Outputs[0].Name
	wantBits(t, name, lean.Data(name), rich.Data(name))
}

// TestPreparedMemoryIsShared: a folded weight that is packed makes room for the next.
func TestPreparedMemoryIsShared(t *testing.T) {
	p := compile(t, norms().Graph, Options{Fold: true})
	for i, s := range p.static {
		for _, later := range p.static[i+1:] {
			if spanOf(p.data[s.node.Name]).meets(spanOf(p.data[later.node.Name])) {
				return
			}
		}
	}
	t.Error("no two prepared tensors share memory")
}
