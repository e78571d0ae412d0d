package pruning

import (
	"math"

	"github.com/secateur/secateur/pruning/groups"
)

// Limits bound what an allocation may take from a group.
type Limits struct {
	// Multiple is the number of channels that kernels divide well; widths are cut to multiples
	// of it. 0 means 1.
	Multiple int
	// Floor is the least width; at least 1 stays in any case.
	Floor int
	// FloorShare is the least width as a share of the original width.
	FloorShare float64
	// MaxPerTurn is the largest share of a group that one allocation takes, though always
	// allowing one step; 0 for no such limit.
	MaxPerTurn float64
	// Streams allows residual streams to be cut.
	Streams bool
	// Locked names groups that keep their width.
	Locked map[string]bool
	// Widths is the original widths by group name, for FloorShare and for equal shares; a group
	// that is absent has its width of now.
	Widths map[string]int
}

// DefaultLimits is for kernels of that width in channels: at least max(width, 20 %) stays,
// at most 20 % of a group goes a turn (reference: Molchanov et al., CVPR 2019, small steps).
func DefaultLimits(width int) Limits {
	return Limits{Multiple: width, Floor: width, FloorShare: 0.2, MaxPerTurn: 0.2, Streams: true}
}

func (l Limits) multiple() int { return max(1, l.Multiple) }

// allows reports whether a group may be cut at all.
func (l Limits) allows(g *groups.Group) bool {
	return !g.Locked && !l.Locked[g.Name] && (l.Streams || !g.Stream)
}

// floor is the least width of a group.
func (l Limits) floor(g *groups.Group) int {
	return max(1, l.Floor, int(math.Ceil(l.FloorShare*float64(l.original(g))-1e-9)))
}

// original is the width of a group before the first cut.
func (l Limits) original(g *groups.Group) int {
	if w, ok := l.Widths[g.Name]; ok {
		return w
	}
	return len(g.Units)
}

// widths is the widths that a group passes through as it is cut, its present one first. Coarse:
// down to the multiples of Multiple; a group narrower than twice Multiple is left alone. Fine:
// one by one.
func (l Limits) widths(g *groups.Group, fine bool) []int {
	f, m := len(g.Units), l.multiple()
	widths := []int{f}
	if fine {
		m = 1
	} else if f < 2*m {
		return widths
	}
	for w := (f - 1) / m * m; w >= l.floor(g); w -= m {
		widths = append(widths, w)
	}
	return widths
}

// capped is the widths that one allocation may use.
func (l Limits) capped(widths []int) []int {
	if l.MaxPerTurn <= 0 {
		return widths
	}
	least := widths[0] - int(l.MaxPerTurn*float64(widths[0])+1e-9)
	n := min(2, len(widths))
	for n < len(widths) && widths[n] >= least {
		n++
	}
	return widths[:n]
}
