package report

import "html/template"

// view is a Page as the templates want it: every number a text, every chart laid out.
type view struct {
	*Page
	CSS      template.CSS
	Headline *headline
	Turns    *turnsView
	Training *trainingView
	Widths   *widthsView
	Classes  *classesView
	Confused *confusedView
	Pictures *picturesView
}

// newView lays a page out; sections without content stay nil.
func newView(p *Page) (*view, error) {
	pictures, err := newPictures(p.Pictures)
	if err != nil {
		return nil, err
	}
	return &view{
		Page:     p,
		CSS:      template.CSS(css),
		Headline: newHeadline(p.Dense, p.Pruned),
		Turns:    newTurns(p.Turns, p.TurnsBy),
		Training: newTraining(p.Epochs),
		Widths:   newWidths(p.Widths),
		Classes:  newClasses(p.Dense, p.Pruned),
		Confused: newConfused(p.Dense, p.Pruned),
		Pictures: pictures,
	}, nil
}

// Date is when the run ended, for people.
func (v *view) Date() string {
	if v.When.IsZero() {
		return ""
	}
	return v.When.Format("2 January 2006, 15:04 MST")
}

// Stamp is when the run ended, for machines.
func (v *view) Stamp() string { return v.When.Format("2006-01-02T15:04:05Z07:00") }
