// Package report writes the result of an adaptation as one HTML file that needs nothing else: no
// network, no script, no font. It reads on a phone, on a desk, in the dark and on paper.
//
// A Page holds values; what is missing in it leaves its section out. Charts are inline SVG, laid out
// in Go (chart.go) and written by the templates, so every text is escaped in one way.
package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"image"
	"io"
	"sync"
	"time"

	"github.com/secateur/secateur/core/eval"
)

// Page is everything a report shows.
type Page struct {
	Title    string
	Subtitle string
	When     time.Time // zero: not shown
	Machine  string    // processor, cores, operating system

	Facts         []Fact  // the recipe
	Dense, Pruned *Result // nil: there is no such network
	Epochs        []Epoch // in the order they ran
	Turns         []Turn  // in the order they ran; turn 0 is the network before the first cut
	TurnsBy       string  // what Turn.Accuracy is, such as "harmonic accuracy, validation"
	Widths        []Width // in the order of the network
	Pictures      []Picture
	Notes         []string
}

// Fact is one line of the recipe.
type Fact struct{ Label, Value string }

// Result is what one network reached and what it costs. A cost of zero was not measured.
type Result struct {
	On       string // what it was measured on, such as "test images"; empty: "images"
	Images   int
	Accuracy float64 // share of the images, 0 to 1
	Macro    float64 // mean of the class accuracies, 0 to 1
	Loss     float64 // mean cross-entropy in nats
	Found    *Found  // of a detector, in place of the three above; nil of a classifier

	MACs         int64 // multiply-accumulates for one image
	Params       int64
	Bytes        int64 // of the model file
	P50Ms, P99Ms float64

	Classes   []string
	PerClass  []Class // empty: derived from Confusion
	Confusion [][]int // [true class][predicted class], in the order of Classes
}

// ResultOf is an evaluation on the test images; nil where there was none.
func ResultOf(r *eval.Report, classes []string) *Result {
	if r == nil {
		return nil
	}
	out := &Result{On: "test images", Images: r.Images, Accuracy: r.Accuracy, Macro: r.Macro, Loss: r.Loss, MACs: r.MACs,
		Params: int64(r.Params), P50Ms: r.Latency.P50, P99Ms: r.Latency.P99, Classes: classes, Confusion: r.Confusion}
	if r.Detector {
		_, rarest := r.Rarest()
		out.Found = &Found{AP50: r.Map50, AP: r.Map, Rarest: rarest.Recall}
		for _, name := range classes {
			if c, ok := r.Objects[name]; ok {
				out.PerClass = append(out.PerClass, Class{Name: name, Images: c.Objects, Accuracy: c.AP50, Recall: c.Recall})
			}
		}
	}
	return out
}

// Found is what a detector reached, all from 0 to 1.
type Found struct {
	AP50   float64 // average precision at an IoU of 0.5, mean over classes
	AP     float64 // and over IoUs from 0.5 to 0.95
	Rarest float64 // recall of the rarest class at the operating point
}

// Class is the accuracy of one class, of a detector its average precision at an IoU of 0.5.
type Class struct {
	Name     string
	Images   int // of a detector objects
	Accuracy float64
	Recall   float64 // of a detector at the operating point
}

// Epoch is one pass over the training images. ValLoss that is zero or not a number says that the
// epoch was not validated.
type Epoch struct {
	Phase                string // head, tune, turn, final
	Turn                 int    // of phase "turn"
	Epoch                int    // within its phase or turn
	Loss, Accuracy       float64
	ValLoss, ValAccuracy float64
}

// Turn is one attempt to cut.
type Turn struct {
	Turn     int
	MACs     int64
	Params   int64
	Accuracy float64 // 0 to 1, what TurnsBy says
	Latency  float64 // of one picture in milliseconds; 0: not measured
	Accepted bool    // false: rolled back
	Removed  int     // filters
	Reason   string  // why it was rolled back, or what was special
}

// Width is the number of filters of one layer before and after.
type Width struct {
	Layer         string
	Before, After int
	Kept          []int // indices of the filters that stayed; nil: not known
}

// Picture is one test image and what the networks made of it. Data is a PNG or JPEG that is embedded
// as it is; without it Image is scaled down and embedded.
type Picture struct {
	Name          string
	Data          []byte
	Image         image.Image
	Class         string // the true one
	Dense, Pruned Prediction
}

// Prediction is the class a network chose. An empty class says that there is no such network.
type Prediction struct {
	Class string
	Score float64 // probability, 0 to 1
}

//go:embed report.css
var css string

//go:embed head.html page.html svg.html explanation.html study.html
var files embed.FS

// pages is parsed when one is wanted: the program starts without.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"side": sideOf}).ParseFS(files, "head.html", "page.html", "svg.html", "explanation.html", "study.html"))
})

// Write writes the page, whole or not at all. It fails if a picture is neither PNG nor JPEG nor
// an image, or if w fails.
func Write(w io.Writer, p *Page) error {
	v, err := newView(p)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return write(w, "page.html", v)
}

// write fills a template and writes it, whole or not at all.
func write(w io.Writer, name string, v any) error {
	var b bytes.Buffer
	if err := pages().ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
