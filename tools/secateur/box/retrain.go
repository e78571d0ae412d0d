package box

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/slot"
)

// Retrain is one retraining of the box.
type Retrain struct {
	train.Config
	Folder string       // labelled pictures of the line
	Shots  int          // a class; 0 is all
	Base   string       // model file that is retrained; "": the live model
	Doubt  accept.Doubt // how many labels the live model may not believe
}

// Retrain trains a model on the pictures in r.Folder without those of the golden set, a detector where that one has boxes,
// stages it, and puts it live on trial if the golden set accepts it; else it is accept.ErrRefused, and the model is kept with its report. Data that
// cannot be believed matches data.ErrUnusable, and nothing is trained. r.RunDir keeps the run: called again after a
// cut, it goes on where it was.
func (b *Box) Retrain(ctx context.Context, r Retrain, log io.Writer) (*Staged, error) {
	golden, err := accept.Open(b.Golden)
	if err != nil {
		return nil, err
	}
	live, err := b.Live()
	if err != nil {
		return nil, err
	}
	if r.Data, err = b.pictures(ctx, r, golden, live, log); err != nil {
		return nil, err
	}
	if r.Model, err = b.base(r, live); err != nil {
		return nil, err
	}
	if golden.Boxes {
		r.Config = r.ForDetector()
	}
	if err := b.settleBudget(ctx, &r, log); err != nil {
		return nil, err
	}
	r.Env, r.Config.Folder = b.Env, r.Folder
	r.Resume = hasRun(r.RunDir)
	result, err := train.Adapt(ctx, r.Config)
	if err != nil && !errors.Is(err, train.ErrTarget) { // a missed budget is for the golden set and the latency to judge
		return nil, err
	}
	return b.offer(ctx, result.Model, r.RunDir)
}

// pictures are those that may be trained on.
func (b *Box) pictures(ctx context.Context, r Retrain, golden *accept.Golden, live *graph.Graph, log io.Writer) (*data.Splits, error) {
	d, err := data.Opener(golden.Boxes)(r.Folder, data.Options{Classes: golden.Classes, Seed: r.Seed})
	if err != nil {
		return nil, err
	}
	for _, s := range d.Skipped {
		fmt.Fprintf(log, "skipped %v\n", s)
	}
	held, err := golden.Exclude(d)
	if err != nil {
		return nil, err
	}
	if held > 0 {
		fmt.Fprintf(log, "%d pictures are of the golden set and left out\n", held)
	}
	if err := demandClasses(d, r.Folder); err != nil {
		return nil, err
	}
	if live != nil {
		suspects, err := accept.Suspects(ctx, b.Env, live, d, r.Doubt)
		if err != nil {
			return nil, err
		}
		for _, s := range suspects {
			fmt.Fprintf(log, "suspect: %s is labelled %s, the live model says %s (%.2f)\n", s.File, s.Label, s.Says, s.Score)
		}
		if err := r.Doubt.Check(suspects, len(d.Train)+len(d.Val)+len(d.Test)); err != nil {
			return nil, err
		}
	}
	if r.Shots > 0 {
		d.Train = data.Shots(d.Train, len(d.Classes), r.Shots, r.Seed)
	}
	return d, nil
}

// demandClasses refuses a class that has nothing to train on: its filters would go, and its accuracy with them.
func demandClasses(d *data.Splits, folder string) error {
	var missing []string
	for c, n := range data.Labels(d.Train, len(d.Classes)) {
		if n == 0 {
			missing = append(missing, d.Classes[c])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s has nothing to train on of %s", data.ErrUnusable, folder, strings.Join(missing, ", "))
	}
	return nil
}

// base is the network that is retrained.
func (b *Box) base(r Retrain, live *graph.Graph) (*graph.Graph, error) {
	if r.Base != "" {
		return checkpoint.LoadModel(r.Base)
	}
	if live == nil {
		return nil, errors.New("no model is live: stage and activate one, or name the model to begin with")
	}
	return live, nil
}

func hasRun(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "*.ckpt"))
	return len(found) > 0
}

// offer stages a trained model, and activates it if it is accepted.
func (b *Box) offer(ctx context.Context, model *graph.Graph, dir string) (*Staged, error) {
	path := filepath.Join(dir, "retrained.secateur")
	if err := checkpoint.SaveModel(path, model); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	s, err := b.Stage(ctx, path, slot.About{Name: filepath.Base(dir)})
	if err != nil {
		return nil, err
	}
	if err := s.Verdict.Err(); err != nil {
		return s, fmt.Errorf("model %d: %w", s.Model.Number, err)
	}
	return s, b.Models.Activate(s.Model.Number)
}
