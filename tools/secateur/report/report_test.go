package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t testing.TB, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden holds the structure of a small page; the style sheet is left out of it.
func TestGolden(t *testing.T) {
	got := strings.Replace(render(t, small()), css, "", 1)
	name := filepath.Join("testdata", "small.html")
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("run go test -update if this is meant (-want +got):\n%s", d)
	}
}

// TestEscaped: no name becomes markup, in text, in attributes or in charts.
func TestEscaped(t *testing.T) {
	const evil = `"><script>x()</script><b a='`
	p := small()
	p.Title, p.Subtitle, p.Machine, p.TurnsBy = evil, evil, evil, evil
	p.Facts, p.Notes = []Fact{{evil, evil}}, []string{evil}
	for _, r := range []*Result{p.Dense, p.Pruned} {
		r.On, r.Classes = evil, []string{evil, "<b>scratch</b>"}
	}
	p.Widths[0].Layer, p.Epochs[0].Phase, p.Turns[2].Reason = evil, evil, evil
	for i := range p.Pictures {
		p.Pictures[i].Name, p.Pictures[i].Class, p.Pictures[i].Dense.Class = evil, evil, evil
	}
	out := render(t, p)
	for _, bad := range []string{"<script", "<b>scratch", "<b a="} {
		if strings.Contains(out, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	wellFormed(t, out)
}

// TestAlone: the page asks for nothing from outside and runs nothing.
func TestAlone(t *testing.T) {
	out := render(t, large())
	for _, bad := range []string{"http://", "https://", "<script", "@import", "url(", "<link rel=\"stylesheet\""} {
		if strings.Contains(out, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if !strings.Contains(out, "default-src 'none'") {
		t.Error("the page has no content security policy")
	}
}

// TestMissingParts: a page says nothing of what it was not given.
func TestMissingParts(t *testing.T) {
	ids := []string{"result", "turns", "training", "widths", "classes", "confusion", "pictures", "recipe", "notes"}
	for _, c := range []struct {
		name string
		edit func(p *Page)
		gone string
	}{
		{"nothing", func(p *Page) { *p = Page{} }, strings.Join(ids, " ")},
		{"no results", func(p *Page) { p.Dense, p.Pruned = nil, nil }, "result classes confusion"},
		{"no turns", func(p *Page) { p.Turns = nil }, "turns"},
		{"no epochs", func(p *Page) { p.Epochs = nil }, "training"},
		{"no widths", func(p *Page) { p.Widths = nil }, "widths"},
		{"no matrices", func(p *Page) { p.Dense.Confusion, p.Pruned.Confusion = nil, nil }, "classes confusion"},
		{"no pictures", func(p *Page) { p.Pictures = nil }, "pictures"},
		{"no facts", func(p *Page) { p.Facts, p.Notes = nil, nil }, "recipe notes"},
	} {
		p := small()
		c.edit(p)
		out := render(t, p)
		wellFormed(t, out)
		var gone []string
		for _, id := range ids {
			if !strings.Contains(out, `<section id="`+id+`"`) {
				gone = append(gone, id)
			}
		}
		if got := strings.Join(gone, " "); got != c.gone {
			t.Errorf("%s: missing sections %q, want %q", c.name, got, c.gone)
		}
	}
}

// TestOneNetwork: without pruning there is no column and no word of it.
func TestOneNetwork(t *testing.T) {
	p := small()
	p.Pruned, p.Turns, p.Widths = nil, nil, nil
	for i := range p.Pictures {
		p.Pictures[i].Pruned = Prediction{}
	}
	p.Epochs = p.Epochs[:3]
	for i := range p.Epochs {
		p.Epochs[i].ValLoss = math.NaN()
	}
	out := strings.Replace(render(t, p), css, "", 1)
	for _, bad := range []string{"Pruned", "pruned", "pruning", "Change", "validation"} {
		if strings.Contains(out, bad) {
			t.Errorf("the page of a dense network says %q", bad)
		}
	}
}

// FuzzWrite: no number and no name makes a page ill-formed or puts a NaN into it.
func FuzzWrite(f *testing.F) {
	f.Add("", math.NaN(), math.Inf(1), int64(0), 0)
	f.Add("<b>", math.Inf(-1), math.NaN(), int64(-1), -1)
	f.Add("a", math.MaxFloat64, -math.MaxFloat64, int64(math.MaxInt64), math.MaxInt)
	f.Add("a", math.SmallestNonzeroFloat64, 5e-324, int64(math.MinInt64), math.MinInt)
	f.Add("a", 1e30, -1e30, int64(1), 1)
	f.Add("a", 1e15, 1e15+1, int64(2), 3)
	f.Add("a", 0.3, 0.7, int64(1e9), 7)
	f.Fuzz(func(t *testing.T, name string, a, b float64, n int64, k int) {
		out := render(t, odd(a, b, n, k))
		wellFormed(t, out)
		if bad := regexp.MustCompile(`NaN|Inf`).FindString(out); bad != "" {
			t.Errorf("the page contains %s", bad)
		}
		p := odd(a, b, n, k)
		p.Title, p.Widths[0].Layer, p.Dense.Classes = name, name, []string{name}
		render(t, p)
	})
}

// odd is a page in which every number is one of the arguments.
func odd(a, b float64, n int64, k int) *Page {
	r := func(a float64) *Result {
		return &Result{Images: k, Accuracy: a, Macro: a, Loss: a, MACs: n, Params: n, Bytes: n, P50Ms: a, P99Ms: b,
			PerClass: []Class{{"x", k, a, b}, {"y", k, b, a}}, Confusion: [][]int{{k, k}, {k}, nil}}
	}
	return &Page{
		Dense: r(a), Pruned: r(b),
		Epochs:   []Epoch{{"head", k, k, a, a, b, b}, {"head", k, 0, b, b, a, a}, {"tune", 0, 0, a, b, a, b}, {"", 0, 0, 0, 0, 0, 0}},
		Turns:    []Turn{{k, n, n, a, b, true, k, ""}, {0, n, n, b, a, false, k, ""}, {1, n / 2, n, 0.5, 3, true, k, ""}},
		Widths:   []Width{{"w", k, k, []int{k, 0, k, -1}}, {"v", 8, k, []int{1, 3, 2, 9}}},
		Pictures: []Picture{{Data: pixel, Class: "x", Dense: Prediction{"x", a}, Pruned: Prediction{"y", b}}},
	}
}

// TestManyEpochs: long runs have one line and no thousand marks.
func TestManyEpochs(t *testing.T) {
	p := &Page{Epochs: make([]Epoch, 3000)}
	for i := range p.Epochs {
		p.Epochs[i] = Epoch{"tune", 0, i + 1, 1 / float64(i+1), 0.5, 0, 0}
	}
	if n := strings.Count(render(t, p), `<path class="mark`); n > 2 {
		t.Errorf("%d marks, want those of the legends only", n)
	}
}

// TestManyClasses: the table keeps the weakest classes and the matrix is left to the list of mistakes.
func TestManyClasses(t *testing.T) {
	const k = 100
	r := &Result{Images: k * k}
	for i := range k {
		row := make([]int, k)
		row[i] = k - i
		row[(i+1)%k] = i
		r.Confusion = append(r.Confusion, row)
	}
	v, err := newView(&Page{Dense: r})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Classes.Rows) != mostClasses || v.Classes.Left != k-mostClasses || v.Classes.Rows[0].Name != "class 99" {
		t.Errorf("%d rows from %q and %d left out", len(v.Classes.Rows), v.Classes.Rows[0].Name, v.Classes.Left)
	}
	if len(v.Confused.Matrices) != 0 || v.Confused.Pairs[0] != (pair{True: "class 99", Predicted: "class 0", Dense: 99}) {
		t.Errorf("%d matrices, first mistake %v", len(v.Confused.Matrices), v.Confused.Pairs[0])
	}
}

// TestPictureOrder: wrong before right, changed before unchanged.
func TestPictureOrder(t *testing.T) {
	one := func(name, dense, pruned string) Picture {
		return Picture{Name: name, Data: pixel, Class: "x", Dense: Prediction{dense, 1}, Pruned: Prediction{pruned, 1}}
	}
	v, err := newPictures([]Picture{one("right", "x", "x"), one("mended", "y", "x"), one("wrong", "y", "y"), one("broken", "x", "y"), one("changed", "y", "z")})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, p := range v.Items {
		order = append(order, p.Name+"/"+p.Change)
	}
	if got, want := strings.Join(order, " "), "broken/broken changed/changed wrong/ mended/mended right/"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// TestPictures: what is no picture is refused by name, and nothing is written.
func TestPictures(t *testing.T) {
	for _, c := range []struct {
		p    Picture
		want string
	}{
		{Picture{Name: "x.svg", Data: []byte("<svg onload='x()'>")}, `report: picture 0 (x.svg): data starts with "<svg onl", want PNG or JPEG`},
		{Picture{Name: "y"}, "report: picture 0 (y): has neither data nor pixels, want one of them"},
		{Picture{Name: "z", Image: image.NewGray(image.Rect(0, 0, 0, 5))}, "report: picture 0 (z): has neither data nor pixels, want one of them"},
	} {
		var b bytes.Buffer
		err := Write(&b, &Page{Pictures: []Picture{c.p}})
		if err == nil || err.Error() != c.want || b.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %s", err, b.Len(), c.want)
		}
	}
}

// TestThumbnail: large images shrink to their side, small ones keep theirs, origins do not matter.
func TestThumbnail(t *testing.T) {
	for _, c := range []struct{ in, want image.Rectangle }{
		{image.Rect(0, 0, 1920, 1080), image.Rect(0, 0, 192, 108)},
		{image.Rect(5, 7, 5+40, 7+30), image.Rect(0, 0, 40, 30)},
		{image.Rect(0, 0, 5000, 3), image.Rect(0, 0, 192, 1)},
	} {
		img, kind, err := image.Decode(bytes.NewReader(thumbnail(image.NewGray(c.in))))
		if err != nil || kind != "jpeg" || img.Bounds() != c.want {
			t.Errorf("%v: %s %v, %v; want jpeg %v", c.in, kind, img.Bounds(), err, c.want)
		}
	}
}

// TestFullDisk: the error of the writer comes through.
func TestFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	if err := Write(failing{full}, small()); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// wellFormed reads the page as XML: every element closed, every attribute quoted.
func wellFormed(t testing.TB, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}
