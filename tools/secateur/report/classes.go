package report

import (
	"math"
	"sort"
	"strconv"
)

// mostClasses is how many classes the table shows; of more, the weakest.
const mostClasses = 60

// classesView is the accuracy by class.
type classesView struct {
	Title         string
	Dense, Pruned bool
	Rows          []classRow
	Left          int // classes that are not shown
}

type classRow struct {
	Name          string
	Images        string
	Dense, Pruned amount
	Change        string
	weak          float64 // the lower accuracy of the two, to sort by
}

// newClasses sets the classes of both networks side by side, in the order of the first.
func newClasses(dense, pruned *Result) *classesView {
	d, p := perClass(dense), perClass(pruned)
	v := &classesView{Title: "Accuracy by class", Dense: len(d) > 0, Pruned: len(p) > 0}
	noun := "image"
	if finds(dense, pruned) {
		v.Title, noun = "Average precision by class", "object"
	}
	at := map[string]int{}
	for _, c := range d {
		v.row(at, c, noun).Dense = c.amount(noun)
	}
	for _, c := range p {
		v.row(at, c, noun).Pruned = c.amount(noun)
	}
	if len(v.Rows) == 0 {
		return nil
	}
	changes(v.Rows, d, p)
	v.weakest()
	return v
}

// row finds or makes the row of a class.
func (v *classesView) row(at map[string]int, c Class, noun string) *classRow {
	i, ok := at[c.Name]
	if !ok {
		i = len(v.Rows)
		at[c.Name] = i
		v.Rows = append(v.Rows, classRow{Name: c.Name, Images: plural(c.Images, noun), Dense: amount{Text: none}, Pruned: amount{Text: none}, weak: math.Inf(1)})
	}
	r := &v.Rows[i]
	if isShare(c.Accuracy) {
		r.weak = min(r.weak, c.Accuracy)
	}
	return r
}

func (c Class) amount(noun string) amount {
	if !isShare(c.Accuracy) {
		return amount{Text: none}
	}
	a := amount{Text: percent(c.Accuracy), Bar: px(100 * c.Accuracy)}
	if noun == "object" {
		a.Sub = "recall " + percent(c.Recall)
	}
	return a
}

// finds reports whether the results are a detector's.
func finds(results ...*Result) bool {
	for _, r := range results {
		if r != nil && r.Found != nil {
			return true
		}
	}
	return false
}

// changes fills in the differences of the classes that both networks have.
func changes(rows []classRow, d, p []Class) {
	was := map[string]float64{}
	for _, c := range d {
		was[c.Name] = c.Accuracy
	}
	now := map[string]float64{}
	for _, c := range p {
		now[c.Name] = c.Accuracy
	}
	for i, r := range rows {
		a, okA := was[r.Name]
		b, okB := now[r.Name]
		if okA && okB {
			rows[i].Change = points(a, b)
		}
	}
}

// weakest keeps the table short.
func (v *classesView) weakest() {
	if len(v.Rows) <= mostClasses {
		return
	}
	sort.SliceStable(v.Rows, func(i, j int) bool { return v.Rows[i].weak < v.Rows[j].weak })
	v.Left = len(v.Rows) - mostClasses
	v.Rows = v.Rows[:mostClasses]
}

// perClass is the accuracy by class, from the confusion matrix if it is not given.
func perClass(r *Result) []Class {
	if r == nil || len(r.PerClass) > 0 {
		return orEmpty(r).PerClass
	}
	var out []Class
	for i, row := range r.Confusion {
		n := 0
		for _, k := range row {
			n += k
		}
		if n > 0 && i < len(row) {
			out = append(out, Class{Name: r.class(i), Images: n, Accuracy: float64(row[i]) / float64(n)})
		}
	}
	return out
}

// class is the name of class i.
func (r *Result) class(i int) string {
	if i < len(r.Classes) {
		return r.Classes[i]
	}
	return "class " + strconv.Itoa(i)
}
