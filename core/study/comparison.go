package study

import (
	"cmp"
	"slices"
)

// Way is how cuts were made, whatever was cut by which selector.
type Way struct{ Tuning, Repair, Keep, Allocator string }

func (s Setting) way() Way { return Way{s.Tuning, s.Repair, s.Keep, s.Allocator} }

// Comparison is selectors over all settings of one way.
type Comparison struct {
	Way
	Tables    []Table
	Ranking   Ranking
	Agreement [][]float64 // mean Jaccard index of the removed filters, in the order of Ranking.Selectors; NaN: not known
}

// Compare gathers the tables of each way.
func Compare(results []Result, tables []Table) []Comparison {
	var list []Comparison
	for _, t := range tables {
		i := slices.IndexFunc(list, func(c Comparison) bool { return c.Way == t.way() })
		if i < 0 {
			i, list = len(list), append(list, Comparison{Way: t.way()})
		}
		list[i].Tables = append(list[i].Tables, t)
	}
	for i := range list {
		c := &list[i]
		c.Ranking = Rank(c.Tables)
		mine := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return Way{r.Tuning, r.Repair, r.Keep, r.Allocator} != c.Way })
		c.Agreement = Agreement(mine, c.Ranking.Selectors)
	}
	return list
}

// Curve is one selector over the budgets of a study, in one setting but for the budget.
type Curve struct {
	Setting  // of the first budget
	Selector string
	Points   []CurvePoint // from the dense network down
}

// CurvePoint is mean accuracy and its 95 % bootstrap interval at a share of the multiply-adds.
type CurvePoint struct{ MACs, Accuracy, Low, High float64 }

// Curves are those of settings with two budgets and more.
func Curves(tables []Table) []Curve {
	type family struct {
		Setting
		selector string
	}
	points, budgets := map[family][]CurvePoint{}, map[Setting]int{}
	var order []family
	for _, t := range tables {
		s := t.Setting
		s.Keep = ""
		budgets[s]++
		for _, l := range t.Lines {
			if l.Skipped != "" || l.Control {
				continue
			}
			f := family{s, l.Selector}
			if points[f] == nil {
				order = append(order, f)
				points[f] = []CurvePoint{{1, t.Dense, t.Low, t.High}}
			}
			points[f] = append(points[f], CurvePoint{t.MACs, l.Accuracy, l.Low, l.High})
		}
	}
	var list []Curve
	for _, f := range order {
		if budgets[f.Setting] > 1 {
			slices.SortFunc(points[f], func(a, b CurvePoint) int { return cmp.Compare(b.MACs, a.MACs) })
			list = append(list, Curve{f.Setting, f.selector, points[f]})
		}
	}
	return list
}
