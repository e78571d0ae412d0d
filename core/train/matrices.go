package train

import (
	"path/filepath"

	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
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
