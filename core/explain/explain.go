// Package explain says why each filter of a pruning run went: what it looked at, what it told of the classes, how
// every criterion ranks it, which filter does its work now, and what the network is like without it (reference:
// pruning §6.3). It makes data; how they look is another package's matter.
package explain

import (
	"context"
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Explanation is all that is known of a run's removed filters. Statistics are of the network before the first cut
// over the training images; filters are numbered as in it.
type Explanation struct {
	Classes   []string    `json:"classes"`
	Detector  bool        `json:"detector,omitempty"` // accuracies are average precisions at an IoU of 0.5, and rows of Pooled boxes
	Phase     string      `json:"phase"`              // where the run stands: prune, final, done
	Images    int         `json:"images"`             // that statistics are of
	JudgedOn  string      `json:"judged_on"`          // the images that losses without a filter are of
	Prune     train.Prune `json:"prune"`
	Whole     []float64   `json:"whole"` // accuracy by class of the network before pruning on those images
	Criteria  []Criterion `json:"criteria"`
	Cards     []Card      `json:"cards"`
	Layers    []Layer     `json:"layers"`
	Heats     []Heat      `json:"heats"`
	Relevance *Relevance  `json:"relevance,omitempty"`
	Agreement [][]float64 `json:"agreement"` // Spearman's ρ of the criteria inside layers, mean over the layers
	Turns     []Turn      `json:"turns"`
	Before    eval.Report `json:"before"` // on the tested images
	After     eval.Report `json:"after"`
	Changed   []Flip      `json:"changed"`
	Scenes    []Scene     `json:"scenes,omitempty"` // in place of Changed of a detector
	Notes     []string    `json:"notes"`
}

// Criterion is one that ranks could be had of.
type Criterion struct {
	Name   string `json:"name"`
	Family string `json:"family"`
}

// Turn is one turn of the run; turn 0 is the network before it.
type Turn struct {
	Turn     int     `json:"turn"`
	MACs     int64   `json:"macs"`
	Params   int64   `json:"params"`
	Accuracy float64 `json:"accuracy"`   // on the judging images
	Latency  float64 `json:"latency_ms"` // of one picture, as measured while explaining
	Accepted bool    `json:"accepted"`
	Removed  int     `json:"removed"`
	Reason   string  `json:"reason,omitempty"`
}

// Flip is a tested picture that the networks judge differently.
type Flip struct {
	Name   string     `json:"image"`
	Path   string     `json:"-"`
	Class  int        `json:"class"`
	Before eval.Guess `json:"before"`
	After  eval.Guess `json:"after"`
}

// Options bound an explanation.
type Options struct {
	Env      graph.Env
	Cards    int // most filters that are shown one by one
	Progress func(eval.Progress)
}

// explainer is an explanation under way.
type explainer struct {
	Options
	ctx    context.Context
	run    *train.Run
	finds  bool              // it is a detector
	st     *groups.Structure // of the dense network
	all    *score.Collected
	gone   map[string]map[int]int    // group → unit → the turn it went in
	whole  map[string]map[int]string // group → unit → the residual block that it went with
	layers []*layer
	names  []Criterion
	seen   map[string]*Scene // of each tested picture, by path, of a detector
	frames map[string]pictureFrame
	out    *Explanation
}

// background is the class of what lies in none of a detector's boxes.
const background = "background"

// Kinds are the classes of rows of Card.Pooled and of patches: of a detector background is the last.
func (x *Explanation) Kinds() []string {
	if x.Detector {
		return append(slices.Clone(x.Classes), background)
	}
	return x.Classes
}

// Explain works out the explanation of a run. It takes about four forward passes over the training images and one
// over the judging images for each card.
func Explain(ctx context.Context, run *train.Run, o Options) (*Explanation, error) {
	e := &explainer{Options: o, ctx: ctx, run: run, finds: detect.Is(run.Dense), frames: map[string]pictureFrame{}}
	e.out = &Explanation{Classes: run.Classes, Detector: e.finds, Phase: run.Phase, Images: len(run.Train),
		JudgedOn: run.JudgedOn, Prune: run.Prune, Cards: []Card{}, Heats: []Heat{}, Changed: []Flip{}, Notes: []string{}}
	for _, step := range []func() error{e.structure, e.networks, e.collect, e.judge, e.draw, e.relevance} {
		if err := step(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

// structure reads the structure of the dense network and which of its units went when.
func (e *explainer) structure() error {
	var err error
	if e.st, err = groups.Find(e.run.Dense); err != nil {
		return err
	}
	e.gone, e.whole = map[string]map[int]int{}, map[string]map[int]string{}
	for _, t := range e.run.Turns {
		if !t.Accepted {
			continue
		}
		for _, d := range t.Removed {
			g := e.st.Named(d.Group)
			u := unitOf(g, d.Leaf, d.Filter)
			if u < 0 {
				return fmt.Errorf("turn %d took filter %d of %s, which the network before pruning does not have", t.Turn, d.Filter, d.Group)
			}
			if e.gone[g.Name] == nil {
				e.gone[g.Name], e.whole[g.Name] = map[int]int{}, map[int]string{}
			}
			e.gone[g.Name][u] = t.Turn
			if d.Block != "" {
				e.whole[g.Name][u] = d.Block
			}
		}
	}
	return nil
}

// unitOf is the unit whose filter stands at that index of its producing weight, -1 without one.
func unitOf(g *groups.Group, leaf string, filter int) int {
	if g == nil {
		return -1
	}
	w := g.Producers[0].Weight
	for i, u := range g.Units {
		if w.Name == leaf && u.Indices(w, 0)[0] == filter {
			return i
		}
	}
	return -1
}

// networks compares the networks before and after, and the turns between them.
func (e *explainer) networks() error {
	compare := e.decisions
	if e.finds {
		compare = e.scenes
	}
	for _, step := range []func() error{compare, e.turns, e.pace} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// decisions compares classifiers on the tested images.
func (e *explainer) decisions() error {
	o := eval.Options{Guesses: true, Latency: true, Progress: e.Progress}
	before, err := eval.Evaluate(e.ctx, e.Env, e.run.Dense, e.run.Tested, o)
	if err != nil {
		return err
	}
	after, err := eval.Evaluate(e.ctx, e.Env, e.run.Net, e.run.Tested, o)
	if err != nil {
		return err
	}
	for i, s := range e.run.Tested {
		if before.Guesses[i].Class != after.Guesses[i].Class {
			e.out.Changed = append(e.out.Changed, Flip{s.Name, s.Path, s.Class, before.Guesses[i], after.Guesses[i]})
		}
	}
	e.out.Before, e.out.After = *before.Brief(), *after.Brief()
	return nil
}

// turns is the way from one network to the other.
func (e *explainer) turns() error {
	judged, err := detect.Measurer(e.run.Dense)(e.ctx, e.Env, e.run.Dense, e.run.Judges, eval.Options{Progress: e.Progress})
	if err != nil {
		return err
	}
	accuracy := judged.Accuracy
	if e.finds {
		accuracy = judged.Map50
	}
	e.out.Turns = []Turn{{MACs: e.run.Original.MACs, Params: e.run.Original.Params, Accuracy: accuracy, Accepted: true}}
	for _, t := range e.run.Turns {
		e.out.Turns = append(e.out.Turns, Turn{Turn: t.Turn, MACs: t.MACs, Params: t.Params, Accuracy: t.Accuracy, Accepted: t.Accepted,
			Removed: len(t.Removed), Reason: t.Reason})
	}
	return nil
}

// collect runs the dense network over the training images and asks every criterion that needs no further run.
func (e *explainer) collect() error {
	s := &score.Scorer{Ctx: e.ctx, Env: e.Env, Samples: e.run.Train, Classes: len(e.run.Classes), Seed: e.run.Seed}
	asked, err := e.asked()
	if err != nil {
		return err
	}
	var needs criteria.Needs
	for _, c := range asked {
		needs |= c.Needs
	}
	e.report("collecting", "", 0, len(e.run.Train))
	for _, n := range []criteria.Needs{needs, needs &^ criteria.Overlaps, sure} { // without masks or boxes; without what some networks lack
		if e.all, err = s.Collect(e.st, n); err == nil {
			return e.score(asked)
		}
		if err := e.ctx.Err(); err != nil {
			return err
		}
	}
	return err
}

// asked are the criteria that ranks are wanted of: all that run the network only once, and the run's own.
func (e *explainer) asked() ([]criteria.Criterion, error) {
	own, err := criteria.Lookup(e.run.Prune.Criterion)
	if err != nil {
		return nil, err
	}
	var list []criteria.Criterion
	for _, c := range append(criteria.All(), own) {
		known := slices.ContainsFunc(list, func(x criteria.Criterion) bool { return x.Name == c.Name })
		if !known && !c.Needs.Has(criteria.Probing) && c.Family != "control" {
			list = append(list, c)
		}
	}
	return list, nil
}

// sure are the needs that any labelled images can meet.
const sure = criteria.Activations | criteria.LossGradients | criteria.MarginGradients | criteria.Moments

func (e *explainer) report(phase, unit string, done, total int) {
	if e.Progress != nil {
		e.Progress(eval.Progress{Phase: phase, Unit: unit, Done: done, Total: total})
	}
}
