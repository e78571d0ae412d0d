package report

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/study"
)

// studyView is a study as its template wants it. It holds no time and no machine: the same results make the same page.
type studyView struct {
	CSS      template.CSS
	Title    string
	Subtitle string
	Verdicts []verdictRow
	Curves   []curveFamily
	Ways     []wayView
}

// wayView is one way of cutting with all its settings.
type wayView struct {
	Title    string
	Settings []settingView
	Critical *critical
	Agree    *matrix
}

// settingView is one table with its chart.
type settingView struct {
	Title, Note string
	Chart       *chart
	Rows        []lineRow
	Trained     bool // there is a column for equal updates
}

// WriteStudy writes the page of a study's results.
func WriteStudy(w io.Writer, title string, results []study.Result) error {
	tables := study.Summarize(results)
	v := &studyView{CSS: template.CSS(css), Title: title, Subtitle: studySubtitle(results), Curves: curveFamilies(study.Curves(tables))}
	for _, c := range study.Compare(results, tables) {
		v.Verdicts = append(v.Verdicts, newVerdict(c))
		v.Ways = append(v.Ways, newWay(c))
	}
	return write(w, "study.html", v)
}

// studySubtitle counts what was run.
func studySubtitle(results []study.Result) string {
	models, sets, seeds := map[string]bool{}, map[string]bool{}, map[int]bool{}
	for _, r := range results {
		models[r.Model], sets[r.Data], seeds[r.Seed] = true, true, true
	}
	return fmt.Sprintf("%s: %s on %s, up to %s of images", plural(len(results), "run"), plural(len(models), "model"), plural(len(sets), "data set"), plural(len(seeds), "draw"))
}

func newWay(c study.Comparison) wayView {
	v := wayView{Title: wayTitle(c.Way), Critical: newCritical(c.Ranking), Agree: overlap(c.Ranking.Selectors, c.Agreement)}
	for _, t := range c.Tables {
		v.Settings = append(v.Settings, newSetting(t))
	}
	return v
}

func wayTitle(w study.Way) string {
	title := fmt.Sprintf("%s: %s, repair %s", study.TuningName(w.Tuning), w.Keep, w.Repair)
	if w.Allocator != "uniform" {
		title += ", allocator " + w.Allocator
	}
	return strings.ToUpper(title[:1]) + title[1:]
}

func newSetting(t study.Table) settingView {
	v := settingView{Title: fmt.Sprintf("%s on %s, %s a class", t.Model, t.Data, plural(t.Shots, "image")), Chart: newForest(t),
		Note: fmt.Sprintf("%s of the multiply-adds are left.", percent(t.MACs))}
	v.Trained = slices.ContainsFunc(t.Lines, func(l study.Line) bool { return l.Equal != nil })
	for _, l := range t.Lines {
		v.Rows = append(v.Rows, newLineRow(l))
	}
	return v
}

// lineRow is one selector of a table.
type lineRow struct {
	Selector, Draws, Skipped string
	Control                  bool
	Accuracy, Spread, Worst  string
	Random, Dense, Equal     difference
}

// difference is a paired one as text; Mean is empty where nothing was compared.
type difference struct {
	Mean, Range, P string
	Sure           bool
}

func newLineRow(l study.Line) lineRow {
	r := lineRow{Selector: l.Selector, Skipped: l.Skipped, Control: l.Control}
	if l.Skipped != "" {
		return r
	}
	r.Draws, r.Accuracy, r.Worst = plural(l.Seeds, "draw"), oneDecimal(l.Accuracy), oneDecimal(l.Worst)
	if l.Seeds > 1 {
		r.Spread = "± " + oneDecimal(l.Deviation)
	}
	r.Random, r.Dense, r.Equal = newDifference(l.Random), newDifference(l.Dense), newDifference(l.Equal)
	return r
}

func newDifference(d *study.Difference) difference {
	if d == nil {
		return difference{}
	}
	return difference{Mean: signed(d.Mean), Range: signed(d.Low) + " to " + signed(d.High), P: "p" + space + three(d.P), Sure: d.Significant()}
}

// signed is a number of points with its sign, "−1.2".
func signed(v float64) string {
	v = math.Round(10*v) / 10
	switch {
	case v < 0:
		return "−" + oneDecimal(-v)
	case v > 0:
		return "+" + oneDecimal(v)
	}
	return oneDecimal(0)
}

func oneDecimal(v float64) string { return fmt.Sprintf("%.1f", v) }

// verdictRow is how one way fared over all settings.
type verdictRow struct {
	Way                  string
	Random, Dense, Equal verdictCell
}

type verdictCell struct{ Above, Below string }

func newVerdict(c study.Comparison) verdictRow {
	v := c.Judge()
	return verdictRow{wayTitle(c.Way), newVerdictCell(v.Random), newVerdictCell(v.Dense), newVerdictCell(v.Equal)}
}

func newVerdictCell(c study.Count) verdictCell {
	if c.Of == 0 {
		return verdictCell{Above: none}
	}
	return verdictCell{fmt.Sprintf("above in %d of %d", c.Above, c.Of), fmt.Sprintf("below in %d of %d", c.Below, c.Of)}
}
