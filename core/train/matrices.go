package train

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Files of the run folder with what criteria looked at, before the first cut and after the last epoch.
const (
	denseMatrices = "matrices-dense.secateur"
	finalMatrices = "matrices-final.secateur"
)

// matricesBytes bounds a file of matrices; moments are left out beyond it.
const matricesBytes = 64 << 20

// saveMatrices writes into the run folder what most criteria look at, so that what was removed can be explained later
// and judged by others. It costs one scoring pass; what the images cannot tell is a warning.
func (j *job) saveMatrices(st *groups.Structure, name string) error {
	if j.RunDir == "" {
		return nil
	}
	c, err := j.scorer().Collect(st, criteria.Activations|criteria.LossGradients|criteria.MarginGradients|criteria.Moments)
	if err != nil {
		return err
	}
	for _, caution := range c.Cautions(st) {
		if err := j.warnOnce(caution); err != nil {
			return err
		}
	}
	return score.SaveMatrices(filepath.Join(j.RunDir, name), c, matricesBytes)
}

// KeptMatrices is the network of a run before its first cut, and what criteria looked at then: any that runs no network
// can be asked again without the images. A folder without them is a *RunError.
func KeptMatrices(dir string) (*groups.Structure, *score.Collected, error) {
	c, err := score.LoadMatrices(filepath.Join(dir, denseMatrices))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &RunError{dir, "holds no run that has begun to prune: there is no " + denseMatrices + " in it"}
	}
	if err != nil {
		return nil, nil, err
	}
	g, err := checkpoint.LoadModel(filepath.Join(dir, denseName))
	if err != nil {
		return nil, nil, fmt.Errorf("the network before pruning: %w", err)
	}
	st, err := groups.Find(g)
	return st, c, err
}
