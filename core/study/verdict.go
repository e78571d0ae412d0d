package study

// Verdict counts the settings of one way in which at least one selector differs from what it is compared with at 5 %,
// after Holm, and how many could be compared at all.
type Verdict struct {
	Random, Dense, Equal Count
}

// Count is of settings: Above and Below may both count one in which selectors differ in both directions.
type Count struct{ Above, Below, Of int }

// Judge counts over the tables of a comparison.
func (c Comparison) Judge() Verdict {
	var v Verdict
	for _, t := range c.Tables {
		v.Random.add(t, func(l Line) *Difference { return l.Random })
		v.Dense.add(t, func(l Line) *Difference { return l.Dense })
		v.Equal.add(t, func(l Line) *Difference { return l.Equal })
	}
	return v
}

func (c *Count) add(t Table, of func(Line) *Difference) {
	above, below, compared := 0, 0, 0
	for _, l := range t.Lines {
		if d := of(l); d != nil && !l.Control {
			compared = 1
			if d.Significant() && d.Mean > 0 {
				above = 1
			}
			if d.Significant() && d.Mean < 0 {
				below = 1
			}
		}
	}
	c.Above, c.Below, c.Of = c.Above+above, c.Below+below, c.Of+compared
}
