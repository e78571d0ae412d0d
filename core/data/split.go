package data

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/secateur/secateur/core/random"
)

// splitByContent gives every item without a part one by the hash of its bytes, so that copies
// never part and a file stays on its side when others come or go. Shares are met on average only.
// A class that would be left with nothing to train on keeps the picture nearest to it.
func splitByContent(items []item, o Options) {
	test := o.Test
	if test == 0 {
		test = DefaultTest
	}
	test, val := max(test, 0), max(o.Val, 0)
	at := make([]float64, len(items))
	last := map[string]float64{} // class → largest
	for i, it := range items {
		at[i] = random.Unit(o.Seed, "split/"+strconv.FormatUint(it.Content, 16))
		if it.part == "" {
			last[it.class] = max(last[it.class], at[i])
		}
	}
	for i := range items {
		it := &items[i]
		switch {
		case it.part != "":
		case test+val < 1 && at[i] == last[it.class]:
			it.part = "train"
		default:
			it.part = partAt(at[i], test, val)
		}
	}
}

// partAt is the part at u of [0, 1): test, then val, then train.
func partAt(u, test, val float64) string {
	switch {
	case u < test:
		return "test"
	case u < test+val:
		return "val"
	}
	return "train"
}

// Shots is k samples of each class, or all where there are fewer: by class, then by a hash of
// name and seed. The order of samples does not matter, and the k samples are among the k+1.
func Shots(samples []Sample, classes, k int, seed uint64) []Sample {
	byClass := make([][]Sample, classes)
	for _, s := range samples {
		byClass[s.Class] = append(byClass[s.Class], s)
	}
	var out []Sample
	for _, c := range byClass {
		slices.SortFunc(c, func(a, b Sample) int {
			ha, hb := random.Hash(seed, "shots/"+a.Name), random.Hash(seed, "shots/"+b.Name)
			return cmp.Or(cmp.Compare(ha, hb), cmp.Compare(a.Name, b.Name))
		})
		out = append(out, c[:min(max(k, 0), len(c))]...)
	}
	return out
}

// AtMost is the samples or, where there are more than n, equally many Shots of each class that make about n, at least one.
func AtMost(samples []Sample, classes, n int, seed uint64) []Sample {
	if len(samples) <= n {
		return samples
	}
	return Shots(samples, classes, max(1, n/classes), seed)
}

// HoldOut moves about share of each class from Train to Val, whole groups and all copies of a
// picture together, chosen by the seed: at least one image of a class where that leaves at least
// as many to train on. It does nothing for a share of 0 or less.
func (s *Splits) HoldOut(share float64, seed uint64) {
	if share <= 0 {
		return
	}
	h := newHoldOut(s.Train, len(s.Classes), share, seed)
	for _, g := range h.groups {
		h.takeIf(g, h.fits)
	}
	for _, g := range h.groups {
		h.takeIf(g, h.needed)
	}
	var train []Sample
	for i, sample := range s.Train {
		if h.held[h.key[i]] {
			s.Val = append(s.Val, sample)
		} else {
			train = append(train, sample)
		}
	}
	s.Train = train
}

// group is samples that stay together.
type group struct {
	key   string
	hash  uint64
	count []int // a class
}

// holdOut is the choice of groups under way.
type holdOut struct {
	groups              []*group // by hash
	key                 []string // a sample's group
	held                map[string]bool
	total, target, have []int // a class
}

func newHoldOut(samples []Sample, classes int, share float64, seed uint64) *holdOut {
	h := &holdOut{held: map[string]bool{}, have: make([]int, classes), total: Count(samples, classes)}
	for _, n := range h.total {
		h.target = append(h.target, int(math.Round(share*float64(n))))
	}
	byKey := map[string]*group{}
	for _, s := range samples {
		k := groupKey(s)
		g := byKey[k]
		if g == nil {
			g = &group{k, random.Hash(seed, "holdout/"+k), make([]int, classes)}
			byKey[k] = g
			h.groups = append(h.groups, g)
		}
		g.count[s.Class]++
		h.key = append(h.key, k)
	}
	slices.SortFunc(h.groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.key, b.key))
	})
	return h
}

func groupKey(s Sample) string {
	switch {
	case s.Group != "":
		return "group " + s.Group
	case s.Content == 0: // not read by Open
		return "name " + s.Name
	}
	return "file " + strconv.FormatUint(s.Content, 16)
}

func (h *holdOut) takeIf(g *group, ok func(*group) bool) {
	if h.held[g.key] || !ok(g) {
		return
	}
	h.held[g.key] = true
	for c, n := range g.count {
		h.have[c] += n
	}
}

// fits reports whether g keeps every class within its target.
func (h *holdOut) fits(g *group) bool {
	for c, n := range g.count {
		if n > 0 && h.have[c]+n > h.target[c] {
			return false
		}
	}
	return true
}

// needed reports whether g brings a class its first image and leaves every class it touches half.
func (h *holdOut) needed(g *group) bool {
	first := false
	for c, n := range g.count {
		if n > 0 && 2*(h.have[c]+n) > h.total[c] {
			return false
		}
		first = first || n > 0 && h.have[c] == 0
	}
	return first
}
