package explain

import (
	"cmp"
	"slices"
)

// Card is what is said of one filter.
type Card struct {
	Layer     string      `json:"layer"`
	Filter    int         `json:"filter"` // along the producing weight of the network before pruning
	Removed   bool        `json:"removed"`
	Turn      int         `json:"turn,omitempty"` // it went in
	Reason    Reason      `json:"reason"`
	Sentence  string      `json:"sentence"`
	Patches   []Patch     `json:"patches"`
	Pooled    [][]float64 `json:"pooled"`    // by class, the mean activation on each image; of a detector on each object, the last row on background
	Omega     float64     `json:"omega2"`    // of the class on it
	Between   [2]float64  `json:"omega2_95"` // of a detector, where it lies on redrawn images: 95 % of them; 0 of a classifier
	P         float64     `json:"p"`         // share of shuffled labels with as much; 0: the images do not tell
	Active    float64     `json:"active"`    // share of positions where it responds
	Influence float64     `json:"influence"` // its share of the layer's Γ of the margin
	Cost      float64     `json:"cost"`      // its share of the network's multiply-adds
	Ranks     []float64   `json:"ranks"`     // percentiles from 0 to 1 by criterion; -1: not defined
	Nearest   *Nearest    `json:"nearest,omitempty"`
	Without   *Without    `json:"without,omitempty"`

	layer *layer
	unit  int
}

// Nearest is the kept filter that varies most like another one.
type Nearest struct {
	Filter      int     `json:"filter"`
	Correlation float64 `json:"correlation"` // over images and positions
	Residual    float64 `json:"residual"`    // share of the variance that all kept filters cannot rebuild
	Patches     []Patch `json:"patches"`

	unit int
}

// Patch is where a picture excites a filter most.
type Patch struct {
	Image string     `json:"image"`
	Path  string     `json:"-"`
	Class int        `json:"class"` // of the picture or, of a detector, of what lies there, as Kinds has it
	Box   [4]float64 `json:"box"`   // left, top, right, bottom as shares of the picture
	Value float64    `json:"value"` // activation there
}

// keptShare is how many of the cards are of filters that stayed.
const keptShare = 0.2

// deal chooses the filters that get cards: removed ones of every layer and reason in turn, then a few kept ones.
func (e *explainer) deal() []*Card {
	var removed, kept []*Card
	for _, l := range e.layers {
		rounded := l.rounded(e)
		for u := range l.group.Units {
			c := l.card(e, u)
			switch {
			case c.Removed:
				removed = append(removed, c)
			case rounded[u]:
				c.Reason = Rounding
				kept = append(kept, c)
			default:
				c.Reason = Useful
				kept = append(kept, c)
			}
		}
	}
	slices.SortStableFunc(kept, func(a, b *Card) int { return cmp.Compare(b.Influence, a.Influence) })
	few := min(int(keptShare*float64(e.Cards)), len(kept))
	first := spread(removed, max(0, e.Cards-few))
	return append(first, spread(kept, e.Cards-len(first))...)
}

// spread takes n of the cards, one of each layer and reason in turn; what it takes is in the order it came in.
func spread(cards []*Card, n int) []*Card {
	type kind struct {
		layer  string
		reason Reason
	}
	round := map[kind]int{}
	turn := make(map[*Card]int, len(cards))
	for _, c := range cards {
		k := kind{c.Layer, c.Reason}
		turn[c] = round[k]
		round[k]++
	}
	order := slices.Clone(cards)
	slices.SortStableFunc(order, func(a, b *Card) int { return cmp.Compare(turn[a], turn[b]) })
	taken := map[*Card]bool{}
	for _, c := range order[:min(max(n, 0), len(order))] {
		taken[c] = true
	}
	return slices.DeleteFunc(slices.Clone(cards), func(c *Card) bool { return !taken[c] })
}

// card is what the statistics say of a unit. Removed ones get the reason that they suggest.
func (l *layer) card(e *explainer, u int) *Card {
	turn, gone := l.gone[u]
	c := &Card{Layer: l.group.Name, Filter: l.filter(u), Removed: gone, Turn: turn, Omega: l.omega[u], P: l.p[u], Active: l.active[u],
		Influence: l.influence[u], Cost: l.cost[u], layer: l, unit: u}
	if gone {
		c.Reason = l.facts(e, u).reason()
	}
	for i := range e.names {
		r := -1.0
		if l.ranks[i] != nil {
			r = l.ranks[i][u]
		}
		c.Ranks = append(c.Ranks, r)
	}
	if n := l.nearest[u]; n.unit >= 0 {
		c.Nearest = &Nearest{Filter: l.filter(n.unit), Correlation: n.correlation, Residual: l.residual[u], unit: n.unit}
	}
	return c
}

// pool fills the mean activations by class, and what they tell on other draws of a detector's images.
func (c *Card) pool(e *explainer) {
	c.Pooled = make([][]float64, len(e.out.Kinds()))
	x, labels := c.layer.pooled(poolMean)[c.unit], c.layer.matrices.PoolLabels()
	for n, v := range x {
		c.Pooled[labels[n]] = append(c.Pooled[labels[n]], v)
	}
	if e.finds {
		c.Between = redrawn(x, labels, e.all.RegionOf, e.run.Seed)
	}
}

// judge chooses the filters with cards, measures the network without each, and settles reasons and sentences.
func (e *explainer) judge() error {
	cards := e.deal()
	if err := e.without(cards); err != nil {
		return err
	}
	for _, c := range cards {
		f := c.layer.facts(e, c.unit)
		f.without = c.Without
		if c.Removed {
			c.Reason = f.reason()
		}
		c.Sentence = f.sentence(c.Reason, e.Env.Kernels.Width)
		if block := e.whole[c.Layer][c.unit]; block != "" {
			c.Sentence = "It went with the whole of residual block " + block + ". " + c.Sentence
		}
		c.pool(e)
	}
	if err := e.patches(cards); err != nil {
		return err
	}
	for _, c := range cards {
		e.out.Cards = append(e.out.Cards, *c)
	}
	return nil
}
