package line

import (
	"context"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/eval"
)

// OnGolden is the reference of a model: its scores of a golden set's pictures, by the class it gives them.
func OnGolden(ctx context.Context, p interface {
	File(path string) (*eval.Prediction, error)
}, g *accept.Golden) (*Reference, error) {
	scores := map[string][]float64{}
	for _, s := range g.Samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := p.File(s.Path)
		if err != nil {
			return nil, err
		}
		of := sign(r)
		scores[of.Class] = append(scores[of.Class], of.Score)
	}
	return NewReference(scores), nil
}
