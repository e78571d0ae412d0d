package score

import (
	"fmt"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestOverlaps: of filters for red and for blue, where the defect is red, one looks at the defect and the other at the
// rest, and a dead one at neither.
func TestOverlaps(t *testing.T) {
	dir := toy.Folder(t, "overlaps")
	table := "file,class,xmin,ymin,xmax,ymax\n"
	s, _ := probing(t)
	s.Samples = nil
	for i := range 9 {
		name, at := fmt.Sprintf("%d.png", i), i%3*2
		x := toy.Picture(t, filepath.Join(dir, name), i%3, func(x, y int) color.RGBA {
			if x/2*2 == at && y < 2 {
				return color.RGBA{255, 0, 0, 255}
			}
			return color.RGBA{0, 0, 255, 255}
		})
		table += fmt.Sprintf("%s,b,%d,0,%d,2\n", name, at, at+2)
		s.Samples = append(s.Samples, x)
	}
	if err := os.WriteFile(filepath.Join(dir, "boxes.csv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	g := toy.New(8, 3).Conv("a", 3, 1).Act("a.relu", op.Relu{}).Conv("b", 4, 1).Vector().Linear("fc", 3).Model(toy.Classes...)
	w := g.Node("a.weight").Value
	clear(w)
	clear(g.Node("a.bias").Value)
	w[0*27+4*3+0], w[1*27+4*3+2], w[2*27+4*3+1] = 2, 2, -0.5
	g.Node("a.bias").Value[2] = -1
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Collect(st, criteria.Overlaps)
	if err != nil {
		t.Fatal(err)
	}
	o := c.Places["a.relu"].Overlap
	if len(o) != 6 || !(o[0] > 0.2 && o[3] == 0) || !(o[1] == 0 && o[4] > 0.01) || o[2] != 0 || o[5] != 0 {
		t.Errorf("overlaps %v", o)
	}
	m, err := c.Matrices(st.Named("a"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := scored(t, "defect", m, st.Named("a")); sum != float64(o[0]) {
		t.Errorf("scores sum to %v, want %v", sum, o[0])
	}
}

// TestHighest: the places of the highest values above 0.
func TestHighest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	h, v := highest{most: 12}, make([]float32, 100)
	for i := range v {
		v[i] = rng.Float32() - 0.2
		h.add(v[i], int32(i))
	}
	order := slices.Clone(v)
	slices.Sort(order)
	for _, i := range h.at {
		if v[i] < order[88] {
			t.Errorf("%v is not among the highest 12", v[i])
		}
	}
	few := highest{most: 12}
	few.add(-1, 0)
	few.add(0, 1)
	few.add(1, 2)
	if len(h.at) != 12 || len(few.at) != 1 {
		t.Errorf("%d and %d places, want 12 and 1", len(h.at), len(few.at))
	}
}
