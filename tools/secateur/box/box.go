// Package box is what a camera box does with models: it judges them by the golden set of its line, keeps them in
// slots, and retrains them.
package box

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/device/slot"
)

// Box is where a box has its models and its golden set.
type Box struct {
	Models *slot.Store
	Golden string // folder; "": models are not judged by pictures
	Rules  accept.Rules
	Env    graph.Env
}

// Staged is what became of a model file.
type Staged struct {
	Model   *slot.Model     `json:"model"`
	Verdict *accept.Verdict `json:"verdict,omitempty"`
}

// Stage reads the model file through, judges it, and keeps it with the verdict as its report, refused or not.
// Nothing goes live. A file that is no whole model is an error and is not kept.
func (b *Box) Stage(ctx context.Context, path string, about slot.About) (*Staged, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	model, err := checkpoint.LoadModel(path)
	if err != nil {
		return nil, err
	}
	verdict, err := b.judge(ctx, model)
	if err != nil {
		return nil, err
	}
	if verdict != nil {
		if about.Report, err = json.Marshal(verdict); err != nil {
			return nil, err
		}
	}
	if about.Name == "" {
		about.Name = filepath.Base(path)
	}
	m, err := b.Models.Stage(bytes.NewReader(content), about)
	if err != nil {
		return nil, err
	}
	return &Staged{m, verdict}, nil
}

// judge holds a model against the golden set and the live model; nil without a golden set.
func (b *Box) judge(ctx context.Context, candidate *graph.Graph) (*accept.Verdict, error) {
	if b.Golden == "" {
		return nil, nil
	}
	golden, err := accept.Open(b.Golden)
	if err != nil {
		return nil, err
	}
	live, err := b.Live()
	if err != nil {
		return nil, err
	}
	return accept.Judge(ctx, b.Env, candidate, live, golden, b.Rules)
}

// Live is the live model, nil where none was ever activated.
func (b *Box) Live() (*graph.Graph, error) {
	st, _, err := b.Models.State()
	if err != nil || st.Live == 0 {
		return nil, err
	}
	m, err := b.Models.Live()
	if err != nil {
		return nil, err
	}
	return checkpoint.LoadModel(b.Models.Path(m.Number))
}

// Verify reads model n through: its sums and signature, whether it loads, and the golden set's verdict.
func (b *Box) Verify(ctx context.Context, n uint64) (*Staged, error) {
	m, err := b.Models.Verify(n)
	if err != nil {
		return nil, err
	}
	model, err := checkpoint.LoadModel(b.Models.Path(n))
	if err != nil {
		return nil, err
	}
	verdict, err := b.judge(ctx, model)
	return &Staged{m, verdict}, err
}

// Activate verifies model n as it is now, and puts it live on trial. One that is refused is accept.ErrRefused.
func (b *Box) Activate(ctx context.Context, n uint64) error {
	s, err := b.Verify(ctx, n)
	if err != nil {
		return err
	}
	if s.Verdict != nil {
		if err := s.Verdict.Err(); err != nil {
			return fmt.Errorf("model %d: %w", n, err)
		}
	}
	return b.Models.Activate(n)
}
