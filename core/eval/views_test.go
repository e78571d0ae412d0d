package eval

import (
	"context"
	"image/color"
	"path/filepath"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
)

// shades are five pictures, each darker to the right and below, and their mirror images.
func shades(t *testing.T, position int) []data.Sample {
	dir := toy.Folder(t, "shades")
	var list []data.Sample
	for i := range 5 {
		list = append(list, toy.Picture(t, filepath.Join(dir, string(rune('a'+i))+".png"), i%2, func(x, y int) color.RGBA {
			mirrored, upsideDown := Position(position)
			if mirrored {
				x = 7 - x
			}
			if upsideDown {
				y = 7 - y
			}
			return color.RGBA{uint8(250 - 30*x), uint8(250 - 14*x - 17*y), uint8(50*i + 5*y), 255}
		}))
	}
	return list
}

// TestViews: the mean over all positions does not change when the picture is mirrored, alone or in a batch; the answer to
// one position does. The work counts as many times.
func TestViews(t *testing.T) {
	judge := func(views, position int) (guesses []Guess, macs int64) {
		g := toy.SmallNet("a", "b")
		g.SetViews(views)
		samples := shades(t, position)
		r, err := Evaluate(context.Background(), toy.Env(t), g, samples, Options{Guesses: true})
		if err != nil {
			t.Fatal(err)
		}
		one, err := NewPredictor(toy.Env(t), g)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range samples {
			alone, err := one.File(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			toy.Near(t, "score alone", alone.Score, r.Guesses[i].Score, 1e-5)
		}
		return r.Guesses, r.MACs
	}
	for _, c := range []struct{ views, position int }{{2, 1}, {4, 1}, {4, 2}, {4, 3}} {
		want, macs := judge(c.views, 0)
		got, _ := judge(c.views, c.position)
		single, once := judge(1, 0)
		turned, _ := judge(1, c.position)
		differs := false
		for i := range want {
			toy.Near(t, "score mirrored", got[i].Score, want[i].Score, 1e-5)
			differs = differs || single[i].Score-turned[i].Score > 1e-3 || turned[i].Score-single[i].Score > 1e-3
		}
		if !differs {
			t.Errorf("position %d changes nothing for a network that sees one", c.position)
		}
		if macs != int64(c.views)*once {
			t.Errorf("%d multiply-adds in %d positions, %d in one", macs, c.views, once)
		}
	}
}

// TestViewsRefuses: three positions are none of a picture.
func TestViewsRefuses(t *testing.T) {
	g := colourNet()
	g.Meta[graph.MetaViews] = "3"
	if err := g.CheckMeta(); err == nil {
		t.Error("three positions are taken")
	}
}
