package detect

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/random"
)

var close4 = cmpopts.EquateApprox(0, 1e-4)

// TestFuse by hand: two sources see an object, one of them twice; another class and another place stay apart, with half
// the score for the source that saw nothing.
func TestFuse(t *testing.T) {
	got := fuse([]Detection{
		{0, 0.2, 0, 0, 10, 10}, {0, 0.4, 1, 0, 11, 10}, {1, 0.9, 0, 0, 10, 10}, {0, 0.8, 0, 0, 10, 10}, {0, 0.5, 50, 50, 60, 60},
	}, 2, 0.6)
	want := []Detection{{0, 0.6, 0.4 / 1.4, 0, 10 + 0.4/1.4, 10}, {1, 0.45, 0, 0, 10, 10}, {0, 0.25, 50, 50, 60, 60}}
	if d := cmp.Diff(want, got, close4); d != "" {
		t.Error(d)
	}
	if got := fuse(nil, 4, 0.6); len(got) != 0 {
		t.Errorf("%v of nothing", got)
	}
}

// noise is a picture that is not its own mirror image.
func noise(side int) *image.RGBA {
	r, m := random.Stream(3, "noise", 0), image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.IntN(256)) | uint8(i%4/3*255)
	}
	return m
}

// mirrored is the picture in a position.
func mirrored(m image.Image, k int) image.Image {
	out, b := image.NewRGBA(m.Bounds()), m.Bounds()
	draw.Draw(out, b, image.NewUniform(color.Black), image.Point{}, draw.Src)
	flip, down := eval.Position(k)
	for y := range b.Dy() {
		for x := range b.Dx() {
			tx, ty := x, y
			if flip {
				tx = b.Dx() - 1 - x
			}
			if down {
				ty = b.Dy() - 1 - y
			}
			out.Set(tx, ty, m.At(x, y))
		}
	}
	return out
}

// TestViews: a detector that sees all positions finds in a mirrored picture what it finds in the picture, mirrored; one that
// sees one position does not.
func TestViews(t *testing.T) {
	side := small(t).Role(graph.Input)[0].Shape[1]
	found := func(views int, m image.Image) []Detection {
		g := small(t)
		g.SetPreprocess(graph.Preprocess{Std: [3]float32{64, 64, 64}, Mean: [3]float32{128, 128, 128}, Views: views})
		p, err := NewPredictor(toy.Env(t), g)
		if err != nil {
			t.Fatal(err)
		}
		p.Choice = Choice{Score: 0.004, IoU: 0.6, Most: 20}
		r, err := p.Image("noise", m)
		if err != nil {
			t.Fatal(err)
		}
		var list []Detection
		for _, b := range r.Boxes {
			list = append(list, Detection{map[string]int{"x": 0, "y": 1}[b.Class], float32(b.Score), float32(b.XMin), float32(b.YMin), float32(b.XMax), float32(b.YMax)})
		}
		return list
	}
	picture := noise(side)
	for _, c := range []struct{ views, position int }{{2, 1}, {4, 1}, {4, 2}, {4, 3}, {1, 1}} {
		want := found(c.views, picture)
		if len(want) < 5 {
			t.Fatalf("%d views: %d detections", c.views, len(want))
		}
		var got []Detection
		for _, d := range found(c.views, mirrored(picture, c.position)) {
			got = append(got, d.back(c.position, float32(side), float32(side)))
		}
		d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-3))
		if (d == "") != (c.views > 1) {
			t.Errorf("%d views, position %d: differences %s", c.views, c.position, d)
		}
	}
}

// TestViewsFind: pictures in batches, the last not whole, are judged as one by one.
func TestViewsFind(t *testing.T) {
	g := small(t)
	g.SetPreprocess(graph.Preprocess{Std: [3]float32{64, 64, 64}, Views: 4})
	samples := toy.Squares(t, t.TempDir(), 11)
	c := Choice{Score: 0.004, IoU: 0.6, Most: 20}
	found, err := Find(context.Background(), toy.Env(t), g, samples, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPredictor(toy.Env(t), g)
	if err != nil {
		t.Fatal(err)
	}
	p.Choice = c
	for i, s := range samples {
		r, err := p.File(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Boxes) != len(found[i]) || len(r.Boxes) == 0 {
			t.Fatalf("picture %d: %d boxes alone, %d in a batch", i, len(r.Boxes), len(found[i]))
		}
		for j, b := range r.Boxes {
			if f := found[i][j]; math.Abs(b.Score-float64(f.Score)) > 1e-4 || math.Abs(b.XMin-float64(f.XMin)) > 1e-2 {
				t.Errorf("picture %d: %v alone, %v in a batch", i, b, f)
			}
		}
	}
	if got, want := Report(g, []data.Sample{}, nil, 0).MACs, 4*eval.MACs(g); got != want {
		t.Errorf("%d multiply-adds, want %d for four positions", got, want)
	}
}
