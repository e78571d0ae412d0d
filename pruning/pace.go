package pruning

// Pace says how far each turn of the loop goes: a few per cent of what remains, half as much
// after each turn that had to be taken back, until the budget is reached or too many turns have
// failed (reference: NetAdapt 1804.03230 for shrinking steps). It is a plain value that can be
// stored and resumed.
type Pace struct {
	Budget    int64           `json:"budget"`    // to reach, of what the budget counts
	Share     float64         `json:"share"`     // of the remaining cost that the next turn takes
	Turns     int             `json:"turns"`     // accepted
	Rollbacks int             `json:"rollbacks"` // taken back, over the whole run
	Locked    map[string]bool `json:"locked"`    // groups that were worst in a turn that was taken back
}

// The middle of 3 to 5 % of the remaining cost, and the failures after which a run ends.
const (
	turnShare    = 0.04
	maxRollbacks = 3
)

// NewPace starts a run towards a budget.
func NewPace(budget int64) *Pace {
	return &Pace{Budget: budget, Share: turnShare, Locked: map[string]bool{}}
}

// Next is the target of the next turn, given what the network costs now; false when the run is
// over. A plan for it without decisions means that the limits allow nothing more, which is the
// end as well.
func (p *Pace) Next(now int64) (target int64, ok bool) {
	if now <= p.Budget || p.Rollbacks >= maxRollbacks {
		return 0, false
	}
	target = now - max(1, int64(p.Share*float64(now)))
	return max(p.Budget, target), true
}

// Accept counts a turn that stays.
func (p *Pace) Accept() { p.Turns++ }

// RollBack counts a turn that was taken back: the next one is half as long and leaves the worst
// group alone.
func (p *Pace) RollBack(worst string) {
	p.Rollbacks++
	p.Share /= 2
	if worst != "" {
		p.Locked[worst] = true
	}
}
