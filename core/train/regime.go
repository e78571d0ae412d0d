package train

import (
	"fmt"
	"maps"
	"strings"

	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// Regimes are the values of --regime (reference: pruning §2.6): which part of a network with a frozen prefix is pruned
// when. A: the prefix, lightly and in one cut, before its features are cached. B: what trains, turn by turn. C: the prefix after
// that, by imitating its own features, where the budget is not met yet. Auto chooses by what is measured. A network
// without a frozen prefix has B alone.
var Regimes = []string{"auto", "A", "B", "C", "AB", "BC", "ABC"}

// lightShare is the most of the prefix that regime A takes.
const lightShare = 0.3

// chooseRegime settles what is pruned when, and says why.
func (j *job) chooseRegime(spot *pruneSpot) (regime, why string, err error) {
	asked := j.Prune.Regime
	if j.pos.Cut == "" {
		if asked != "auto" && asked != "B" {
			return "", "", fmt.Errorf("regime %s prunes a frozen prefix, and with --train %s nothing is frozen: use --train suffix", asked, j.Part)
		}
		return "B", fmt.Sprintf("all that is pruned trains (--train %s)", j.tunedPart()), nil
	}
	share, err := j.prefixShare()
	if err != nil {
		return "", "", err
	}
	measured := fmt.Sprintf("%.0f %% of the multiply-adds lie in the frozen prefix, %.0f %% of %s must go", 100*share, 100*j.mustGo(spot), j.Prune.Budget.Of)
	if asked != "auto" {
		return asked, "asked for; " + measured, nil
	}
	if j.mustGo(spot) <= (1-share)/2 {
		return "BC", measured + ": half of what trains would be enough", nil
	}
	return "ABC", measured + ": more than half of what trains", nil
}

// mustGo is the share of the budget's quantity that must go from here.
func (j *job) mustGo(spot *pruneSpot) float64 {
	return max(0, 1-float64(spot.Pace.Budget)/float64(max(1, j.Prune.Budget.Part(spot.Now))))
}

// stage is the regime that a turn belongs to.
func (s *pruneSpot) stage() string { return s.Left[:1] }

// nextStage ends a regime. Failures of one say nothing of the next.
func (s *pruneSpot) nextStage() {
	s.Left = s.Left[1:]
	s.Pace.Rollbacks = 0
}

// goal is what the next turn should leave, of what the budget counts.
func (j *job) goal() (int64, bool, error) {
	spot := j.pos.Prune
	now := j.Prune.Budget.Part(spot.Now)
	goal, more := spot.Pace.Next(now)
	if !more || spot.stage() != "A" {
		return goal, more, nil
	}
	share, err := j.prefixShare()
	return max(spot.Pace.Budget, int64(float64(now)*(1-lightShare*share))), true, err
}

// stageLimits leaves alone what another regime cuts.
func (j *job) stageLimits(l pruning.Limits) (pruning.Limits, error) {
	if j.pos.Cut == "" {
		return l, nil
	}
	st, err := groups.Find(j.net)
	if err != nil {
		return l, err
	}
	want := inPrefix
	if j.pos.Prune.stage() == "B" {
		want = inSuffix
	}
	l.Locked = maps.Clone(l.Locked)
	for _, g := range st.Groups {
		if sideOf(g, j.net.Node(j.pos.Cut)) != want {
			l.Locked[g.Name] = true
		}
	}
	if j.pos.Prune.stage() == "A" {
		l.MaxPerTurn = lightShare // its only turn
	}
	return l, nil
}

// prefixStage reports whether a turn cuts the frozen prefix.
func (s *pruneSpot) prefixStage() bool { return strings.Contains("AC", s.stage()) }
