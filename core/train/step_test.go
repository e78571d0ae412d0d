package train

import (
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
)

// TestClip: a bound is on all gradients together, without one none waits for another.
func TestClip(t *testing.T) {
	for _, adam := range []bool{false, true} {
		for _, clip := range []float64{0, 1} {
			j := &job{task: classifier{}, net: toy.SmallNet("a", "b"), Config: Config{Env: toy.Env(t), Adam: adam, Clip: clip}}
			p, err := j.compileStep(Full, j.plain(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if together, apart := p.Has("optim.norm"), p.Has(j.net.Role(graph.Param)[0].Name+".norm"); together != (clip > 0) || apart == together {
				t.Errorf("clip %g, AdamW %v: a norm of all gradients: %v, of the first alone: %v", clip, adam, together, apart)
			}
		}
	}
}
