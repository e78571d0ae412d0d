package plan

import (
	"fmt"
	"math"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/kernels"
)

// trainedNet is residualNet after three steps of a rule on that many threads, and the plan.
func trainedNet(t *testing.T, set kernels.Set, threads int, rule optim.Rule) (*builder, *Plan) {
	t.Helper()
	b := residualNet(36)
	p := training(t, b, envOf(set, threads), Options{Rule: &rule})
	for k := range 3 {
		feed(p, k)
		run(t, p)
	}
	return b, p
}

// TestUpdatesAtOnceAreTheSameBits: a bound that no norm reaches lets all updates wait for the last
// gradient and changes nothing else.
func TestUpdatesAtOnceAreTheSameBits(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		for name, rule := range map[string]optim.Rule{"sgd": {Momentum: 0.9, Decay: 0.01, Average: 0.9}, "adamw": optim.AdamW(0.01)} {
			waits := rule
			waits.Clip = math.MaxFloat32
			want, waiting := trainedNet(t, set, 1, waits)
			for threads := 1; threads <= 4; threads++ {
				got, p := trainedNet(t, set, threads, rule)
				for i, n := range got.Graph.Nodes {
					wantBits(t, fmt.Sprintf("%s: %s on %d threads", name, n.Name, threads), n.Value, want.Graph.Nodes[i].Value)
				}
				if threads == 1 && p.ArenaBytes() >= waiting.ArenaBytes() {
					t.Errorf("%s: an arena of %d bytes, and %d if updates wait", name, p.ArenaBytes(), waiting.ArenaBytes())
				}
			}
		}
	})
}

// TestAnUpdateFollowsItsGradient: what reads the parameter's old value stands before its update, what makes
// gradients of layers in front of it behind.
func TestAnUpdateFollowsItsGradient(t *testing.T) {
	_, p := trainedNet(t, kernels.Generic(), 2, optim.Rule{Momentum: 0.9})
	at := map[string]int{}
	for i, s := range p.steps {
		at[s.node.Name] = i
	}
	for _, order := range [][]string{
		{"fc.dw", "fc.w.scale", "fc.w.sgd", "join.relu.dz"},
		{"left.dw", "left.dx.packed", "left.w.sgd", "block1.narrow.dw"},
		{"block0.wide.dx.packed", "block0.wide.w.sgd", "stem.dw", "stem.w.sgd"},
	} {
		for i := 1; i < len(order); i++ {
			if from, to := at[order[i-1]], at[order[i]]; from >= to {
				t.Errorf("%s is step %d, %s step %d, want the other order", order[i-1], from, order[i], to)
			}
		}
	}
}

// TestRecomputingChangesNoBit: what is kept to be seen is not made anew. Loops that normalize as they read are left
// out, which add up in other pieces.
func TestRecomputingChangesNoBit(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := residualNet(36)
		o := Options{Env: envOf(set, 2), Loss: "loss", Wrt: params(b.Graph, "")}
		anew := compile(t, b.Graph, o)
		for _, n := range normalizations(compile(t, b.Graph, Options{}).Graph) {
			if _, bare := n.Op.(op.BatchNormTrain); bare {
				o.Keep = append(o.Keep, n.Name)
			} else if len(n.In) == 6 {
				o.Keep = append(o.Keep, n.Name, n.In[5].Name)
			}
		}
		kept := compile(t, b.Graph, o)
		for _, p := range []*Plan{anew, kept} {
			feed(p, 1)
			run(t, p)
		}
		if a, k := len(normalizations(anew.Graph)), len(normalizations(kept.Graph)); a <= k || anew.ArenaBytes() >= kept.ArenaBytes() {
			t.Errorf("%d normalizations in %d bytes, and %d in %d if all is kept", a, anew.ArenaBytes(), k, kept.ArenaBytes())
		}
		for _, name := range o.Wrt {
			wantBits(t, name, anew.Grad(name), kept.Grad(name))
		}
	})
}

func normalizations(g *graph.Graph) (list []*graph.Node) {
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case op.BatchNormClip, op.BatchNormTrain, op.Normalizing:
			list = append(list, n)
		}
	}
	return list
}
