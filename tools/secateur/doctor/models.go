package doctor

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/device/slot"
	"github.com/secateur/secateur/tools/secateur/box"
)

var modelChecks = []Check{
	{"models.whole", "sums and signatures of the live, the previous and the factory's model", "one is damaged, none is live, or there is no other to go back to",
		"secateur models list; secateur models rollback, or stage and activate the model again", modelsWhole},
	{"models.golden", "the golden set against its sums", "a picture is gone or has changed, or there is no golden set: no retraining is then accepted",
		"put the picture back; or, if the change was meant, secateur label seal", modelsGolden},
	{"run.soak", "systemd's count of restarts of secateur-run", "it was restarted by itself, or its watchdog had to do it", "journalctl -u secateur-run: the end before the restart says why", runSoak},
	{"run.parts", "parts that secateur-run has judged, and those that it was late for or lost", "more than one in a hundred is late or lost",
		"a longer run.latency, a smaller model, a shorter exposure; secateur gpio bench and camera verify for edges and frames that are lost", runParts},
}

// store is where the models are, nil with a reason where there are none.
func (b *Box) store() (*slot.Store, string) {
	if b.Config == nil {
		return nil, "the configuration cannot be read"
	}
	if len(b.glob(b.Config.Models.Dir)) == 0 {
		return nil, b.Config.Models.Dir + " is not there"
	}
	c := *b.Config
	c.Models.Dir = filepath.Join(b.Root, c.Models.Dir)
	s, err := box.OpenModels(&c)
	if err != nil {
		return nil, err.Error()
	}
	return s, ""
}

func modelsWhole(b *Box) Result {
	s, absent := b.store()
	if absent != "" {
		return none("%s", absent)
	}
	st, warnings, err := s.State()
	if err != nil {
		return fail("%v", err)
	}
	if st.Live == 0 {
		return warn("no model is live")
	}
	var whole []string
	var damaged error
	for _, m := range []struct {
		role   string
		number uint64
	}{{"live", st.Live}, {"previous", st.Previous}, {"factory", st.Factory}} {
		if m.number == 0 {
			continue
		}
		if _, err := s.Verify(m.number); err != nil {
			damaged = errors.Join(damaged, fmt.Errorf("%s: %w", m.role, err))
			continue
		}
		whole = append(whole, fmt.Sprintf("%s %d", m.role, m.number))
	}
	switch {
	case damaged != nil:
		return fail("%s", strings.ReplaceAll(damaged.Error(), "\n", "; "))
	case len(warnings) > 0:
		return warn("%s", strings.Join(warnings, "; "))
	case len(whole) == 1:
		return warn("%s; none to go back to", whole[0])
	}
	return ok("%s", strings.Join(whole, ", "))
}

func modelsGolden(b *Box) Result {
	if b.Config == nil {
		return none("the configuration cannot be read")
	}
	dir := b.Config.Gate.Golden
	if len(b.glob(filepath.Join(dir, "*"))) == 0 {
		return warn("%s is empty", dir)
	}
	g, err := accept.Open(filepath.Join(b.Root, dir))
	if err != nil {
		return fail("%s", strings.ReplaceAll(err.Error(), b.Root, ""))
	}
	return ok("%d pictures of %d classes", len(g.Samples), len(g.Classes))
}
