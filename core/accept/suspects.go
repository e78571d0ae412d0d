package accept

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Suspect is a picture whose label the live model does not believe.
type Suspect struct {
	File  string  `json:"file"`
	Label string  `json:"label"`
	Says  string  `json:"says"` // the live model
	Score float64 `json:"score"`
}

// Doubt bounds what may be wrong with the labels of new pictures.
type Doubt struct {
	Score float64 `json:"score"` // from which on the live model's disagreement counts
	Share float64 `json:"share"` // of the pictures that may be suspect
}

// DefaultDoubt lets one picture in fifty be suspect. The live model is sure from 0.8 on.
func DefaultDoubt() Doubt { return Doubt{Score: 0.8, Share: 0.02} }

// Suspects are the pictures, surest first, to which the live model gives another class with a score from d.Score on. Only
// classes that the live model knows are asked about. Of a detector they are those on which it finds, with such a score,
// what the boxes deny. A live model of the other kind suspects nothing.
func Suspects(ctx context.Context, env graph.Env, live *graph.Graph, s *data.Splits, d Doubt) ([]Suspect, error) {
	asked, doubts := known(live, s), doubtClasses
	if detect.Is(live) {
		asked, doubts = knownBoxes(live, s), doubtBoxes
	}
	if len(asked) == 0 || detect.Is(live) != (asked[0].Boxes != nil) {
		return nil, nil
	}
	list, err := doubts(ctx, env, live, asked, d)
	if err != nil {
		return nil, fmt.Errorf("live model: %w", err)
	}
	slices.SortStableFunc(list, func(a, b Suspect) int { return cmp.Compare(b.Score, a.Score) })
	return list, nil
}

// doubtClasses are the suspects of a classifier. Classes are the live model's.
func doubtClasses(ctx context.Context, env graph.Env, live *graph.Graph, asked []data.Sample, d Doubt) (list []Suspect, err error) {
	r, err := eval.Evaluate(ctx, env, live, asked, eval.Options{Guesses: true})
	if err != nil {
		return nil, err
	}
	labels := live.Labels()
	for i, g := range r.Guesses {
		if g.Class != asked[i].Class && g.Score >= d.Score {
			list = append(list, Suspect{asked[i].Name, labels[asked[i].Class], labels[g.Class], g.Score})
		}
	}
	return list, nil
}

// known are the pictures of all parts whose classes the live model has, with its numbers for the classes.
func known(live *graph.Graph, s *data.Splits) (list []data.Sample) {
	labels := live.Labels()
	for _, x := range slices.Concat(s.Train, s.Val, s.Test) {
		if c := slices.Index(labels, s.Classes[x.Class]); c >= 0 {
			x.Class = c
			list = append(list, x)
		}
	}
	return list
}

// Check is an error that names the surest suspects where there are more than d allows of n pictures.
func (d Doubt) Check(suspects []Suspect, n int) error {
	if float64(len(suspects)) <= d.Share*float64(n) {
		return nil
	}
	var names []string
	for _, s := range suspects[:min(3, len(suspects))] {
		names = append(names, fmt.Sprintf("%s is labelled %s, looks like %s (%.2f)", s.File, s.Label, s.Says, s.Score))
	}
	return bad("%d of %d labels are not believed by the live model, %.0f %% may be: %s", len(suspects), n, 100*d.Share, strings.Join(names, "; "))
}
