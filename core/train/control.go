package train

import (
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// Controls of the claim that pruning itself makes a network better: turns, updates, teacher and final fine-tuning are
// those of the loop, and the network at the end is whole (reference: pruning §6.2).
const (
	EqualUpdates  = "equal-updates"      // turns cut nothing
	AblateRestore = "ablate-and-restore" // turns cut the whole network down to where the loop would be, train, and put back
)

// Controls are all of them.
func Controls() []string { return []string{EqualUpdates, AblateRestore} }

// apply is the network that a turn trains, and what was cut from it.
func (j *job) apply(st *groups.Structure, p *pruning.Plan) (*graph.Graph, *groups.Change, error) {
	if j.Prune.Control == EqualUpdates {
		return st.Graph.Copy(), &groups.Change{}, nil
	}
	return j.scorer().Apply(st, p.Remove, score.Rebuild)
}

// asCut are the parameters between the cut and its training, for putBack.
func (j *job) asCut() map[string][]float32 {
	if j.Prune.Control != AblateRestore {
		return nil
	}
	return j.params()
}

// putBack ends a turn of ablate-and-restore: the network is whole again. What was cut off has its old values; what was
// kept has taken the steps that it took while the rest was away. What repair had changed is undone with the cut.
func (j *job) putBack(before *graph.Graph, asCut, moments map[string][]float32, change *groups.Change) {
	if j.Prune.Control != AblateRestore {
		return
	}
	trained := j.net
	j.gates = nil // of the network while some was away
	j.net = before.Copy()
	for _, n := range j.net.Role(graph.Param) {
		now := trained.Node(n.Name)
		if now == nil {
			continue
		}
		kept := slices.Clone(change.Slice(n.Name, n.Value))
		for i, then := range asCut[n.Name] {
			kept[i] += now.Value[i] - then
		}
		change.PutBack(n.Name, kept, n.Value)
	}
	j.saved = wholeMoments(change, moments, j.saved)
}

// wholeMoments are the optimiser's moments after a turn, in the shapes before its cut: of what was cut off those before
// the turn, 0 before the first.
func wholeMoments(change *groups.Change, before, after map[string][]float32) map[string][]float32 {
	out := map[string][]float32{}
	for name, v := range after {
		at := strings.LastIndexByte(name, '.')
		if name[at:] == optim.AverageSuffix {
			continue
		}
		whole := tensor.Floats(change.Length(name[:at], len(v)))
		copy(whole, before[name])
		change.PutBack(name[:at], v, whole)
		out[name] = whole
	}
	return out
}
