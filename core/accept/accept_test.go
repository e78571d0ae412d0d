package accept

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
)

var names = []string{"blue", "green", "red"}

// colourNet tells plain pictures of the three colours apart, and calls them by names.
func colourNet(names ...string) *graph.Graph {
	g := toy.New(8, 3).Vector().Linear("fc", 3).Model(names...)
	clear(g.Meta)
	g.SetLabels(names)
	w := g.Node("fc.weight").Value
	clear(w)
	for class, channel := range []int{2, 1, 0} {
		w[3*class+channel] = 0.1
	}
	clear(g.Node("fc.bias").Value)
	return g
}

// folder is DIR/CLASS/* with n plain pictures of each colour, all different.
func folder(t *testing.T, n int, first uint8) string {
	t.Helper()
	dir := toy.Folder(t, "pictures")
	for class, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			c := color.RGBA{A: 255}
			for k, v := range []*uint8{&c.B, &c.G, &c.R} {
				if *v = 20; k == class {
					*v = first + uint8(i)
				}
			}
			toy.Plain(t, filepath.Join(dir, name, fmt.Sprintf("%d.png", i)), class, c)
		}
	}
	return dir
}

func golden(t *testing.T) *Golden {
	t.Helper()
	g, err := Seal(folder(t, 4, 200), false)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGoldenSetIsHeldAgainstItsSums(t *testing.T) {
	dir := folder(t, 2, 100)
	if _, err := Open(dir); !errors.Is(err, data.ErrUnusable) || !strings.Contains(err.Error(), "is no golden set") {
		t.Errorf("unsealed: %v", err)
	}
	g, err := Seal(dir, false)
	if err != nil || len(g.Samples) != 6 {
		t.Fatalf("%v, %v", g, err)
	}
	one := filepath.Join(dir, "red", "0.png")
	toy.Plain(t, one, 2, color.RGBA{1, 2, 3, 255})
	if _, err := Open(dir); !errors.Is(err, data.ErrUnusable) || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("changed picture: %v", err)
	}
	os.Remove(one)
	if _, err := Open(dir); !errors.Is(err, data.ErrUnusable) {
		t.Errorf("missing picture: %v", err)
	}
}

// TestExclude: copies of golden pictures are not trained on, whatever they are called.
func TestExclude(t *testing.T) {
	g := golden(t)
	dir := folder(t, 6, 198) // 198, 199, then the four of the golden set
	s, err := data.Open(dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := g.Exclude(s)
	if err != nil || n != 12 || len(s.Train)+len(s.Val)+len(s.Test) != 6 {
		t.Errorf("%d excluded, %d left, %v; want 12 and 6", n, len(s.Train)+len(s.Val)+len(s.Test), err)
	}
}

func judge(t *testing.T, candidate, live *graph.Graph, g *Golden, r Rules) *Verdict {
	t.Helper()
	v, err := Judge(context.Background(), toy.Env(t), candidate, live, g, r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// blind is the network with one class's output gone: its pictures go to another class.
func blind(class int) *graph.Graph {
	g := colourNet(names...)
	clear(g.Node("fc.weight").Value[3*class:][:3])
	g.Node("fc.bias").Value[class] = -100
	return g
}

func TestJudge(t *testing.T) {
	g, good := golden(t), colourNet(names...)
	broken := colourNet(names...)
	broken.Node("fc.bias").Value[0] = float32(math.NaN())
	swapped := colourNet("green", "blue", "red") // right pictures, wrong names
	slow := DefaultRules()
	slow.Latency = time.Nanosecond
	for _, c := range []struct {
		name            string
		candidate, live *graph.Graph
		rules           Rules
		want            string // "" is accepted
	}{
		{"as good", good, good, DefaultRules(), ""},
		{"no live model", good, nil, DefaultRules(), ""},
		{"better", good, blind(1), DefaultRules(), ""},
		{"live model of other classes", good, colourNet("a", "b", "c"), DefaultRules(), ""},
		{"a class lost", blind(0), good, DefaultRules(), "class blue: 0.0 % right"},
		{"a class lost without a live model", blind(2), nil, DefaultRules(), "class red: 0.0 % right, at least 50.0"},
		{"overall", blind(2), good, Rules{}, "66.7 % right on the golden set, the live model has 100.0"},
		{"not numbers", broken, good, DefaultRules(), "not finite numbers"},
		{"swapped names", swapped, good, DefaultRules(), `the model's classes are ["green" "blue" "red"]`},
		{"too slow", good, good, slow, "the median image takes"},
	} {
		v := judge(t, c.candidate, c.live, g, c.rules)
		all := strings.Join(v.Reasons, "; ")
		if v.Accepted != (c.want == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s: accepted %v, %q, want %q", c.name, v.Accepted, all, c.want)
		}
	}
}

// TestSuspects: flipped labels are found, surest first, and refused from the share on that is allowed.
func TestSuspects(t *testing.T) {
	dir := folder(t, 10, 150)
	for i := range 2 { // two red pictures among the blue ones
		if err := os.Rename(filepath.Join(dir, "red", fmt.Sprintf("%d.png", i)), filepath.Join(dir, "blue", fmt.Sprintf("r%d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	s, err := data.Open(dir, data.Options{Test: -1})
	if err != nil {
		t.Fatal(err)
	}
	list, err := Suspects(context.Background(), toy.Env(t), colourNet(names...), s, DefaultDoubt())
	if err != nil || len(list) != 2 || list[0].Label != "blue" || list[0].Says != "red" || list[0].Score < list[1].Score {
		t.Fatalf("suspects %+v, %v", list, err)
	}
	if err := DefaultDoubt().Check(list, len(s.Train)); !errors.Is(err, data.ErrUnusable) || !strings.Contains(err.Error(), "2 of 30 labels") {
		t.Errorf("error %v", err)
	}
	if err := (Doubt{Share: 0.1}).Check(list, len(s.Train)); err != nil {
		t.Errorf("a tenth is allowed: %v", err)
	}
	other, err := Suspects(context.Background(), toy.Env(t), colourNet("x", "y", "z"), s, DefaultDoubt())
	if err != nil || len(other) != 0 {
		t.Errorf("a live model of other classes suspects %+v, %v", other, err)
	}
}
