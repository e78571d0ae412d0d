package score

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/npz"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

var drawTo = flag.String("draw", "", "write what the golden scores are calculated from to this folder instead of comparing")

// fixture is what the golden scores are about: 100 pictures of ten classes, 6 to 14 of each, and a box in each.
type fixture struct {
	s      *Scorer
	st     *groups.Structure
	boxes  [][4]int // xmin, ymin, xmax, ymax, the last pixels counted
	model  string
	probed []int // pictures that the network is run over again and again
}

// probedGroups are those that criteria which run the network are compared on.
var probedGroups = []string{"layer3.0.conv2", "layer3.2.conv1"} // a stream and an inner group

func newFixture(t *testing.T) *fixture {
	f := &fixture{model: filepath.Join(toy.SharedData(t, "model-resnet20-cifar10"), "resnet20_cifar10.onnx")}
	mean, std := [3]float32{0.485 * 255, 0.456 * 255, 0.406 * 255}, [3]float32{0.229 * 255, 0.224 * 255, 0.225 * 255}
	g, err := onnx.Import(f.model, onnx.Options{Mean: &mean, Std: &std,
		Labels: strings.Fields("airplane automobile bird cat deer dog frog horse ship truck")})
	if err != nil {
		t.Fatal(err)
	}
	f.st = structure(t, g)
	f.s = &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: f.draw(t), Classes: 10, Seed: 1}
	for i := range f.s.Samples {
		if i%5 == 0 {
			f.probed = append(f.probed, i)
		}
	}
	return f
}

// draw takes the first 6, 7, 8, … training pictures of the classes, with boxes on lines that all grids of cells share.
func (f *fixture) draw(t *testing.T) []data.Sample {
	from := toy.SharedData(t, "cifar10-jpeg-mini")
	set, err := data.Open(from, data.Options{HeaderOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	left := []int{6, 7, 8, 9, 10, 10, 11, 12, 13, 14}
	dir, list, table := t.TempDir(), []data.Sample(nil), "file,class,xmin,ymin,xmax,ymax\n"
	for _, x := range set.Train {
		if left[x.Class] == 0 {
			continue
		}
		left[x.Class]--
		n := len(list)
		box := [4]int{4 * (n % 3), 4 * (n % 2), 4*(n%3) + 15, 4*(n%2) + 11}
		f.boxes = append(f.boxes, box)
		x.Name = fmt.Sprintf("%03d.jpg", n)
		table += fmt.Sprintf("%s,%s,%d,%d,%d,%d\n", x.Name, set.Classes[x.Class], box[0], box[1], box[2]+1, box[3]+1)
		x.Path = link(t, x.Path, filepath.Join(dir, x.Name))
		list = append(list, x)
	}
	if err := os.WriteFile(filepath.Join(dir, "boxes.csv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	return list
}

func link(t *testing.T, from, to string) string {
	t.Helper()
	full, err := filepath.Abs(from)
	if err == nil {
		err = os.Symlink(full, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestGoldenScores holds every criterion against an independent calculation (tools/golden/scores.py), from the pictures
// to the score. Only random is left out.
func TestGoldenScores(t *testing.T) {
	f := newFixture(t)
	if *drawTo != "" {
		f.write(t, *drawTo)
		return
	}
	golden := npz.Read(t, "testdata/scores.npz")
	for i, x := range f.s.Samples {
		if float32(x.Class) != golden["labels"].Data[i] {
			t.Fatalf("picture %d is of class %d, in the golden file %v", i, x.Class, golden["labels"].Data[i])
		}
	}
	all, err := f.s.Collect(f.st, withoutProbe)
	if err != nil {
		t.Fatal(err)
	}
	runs := f.runs(t)
	for _, g := range f.st.Free() {
		m := matrices(t, all, g)
		for _, c := range append(criteria.All(), fusion(t)) {
			if c.Name != "random" && !c.Needs.Has(criteria.Probing) {
				compareScores(t, c, m, g, golden)
			}
		}
	}
	for _, name := range probedGroups {
		g := f.st.Named(name)
		m := matrices(t, runs, g)
		for _, c := range criteria.All() {
			if c.Needs.Has(criteria.Probing) {
				compareScores(t, c, m, g, golden)
			}
		}
	}
	t.Run("better than reverse", func(t *testing.T) { f.betterThanReverse(t, all) })
}

// withoutProbe is all that is collected before any group is looked at.
const withoutProbe = criteria.Activations | behindLogits | criteria.MapRanks | criteria.Moments | criteria.Samples | criteria.Overlaps

// runs is collected of the probed pictures, for criteria that run the network.
func (f *fixture) runs(t *testing.T) *Collected {
	t.Helper()
	fewer := *f.s
	fewer.Samples = nil
	for _, i := range f.probed {
		fewer.Samples = append(fewer.Samples, f.s.Samples[i])
	}
	c, err := fewer.Collect(f.st, criteria.Probing)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func matrices(t *testing.T, c *Collected, g *groups.Group) *criteria.Matrices {
	t.Helper()
	m, err := c.Matrices(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// compareScores allows for Go's float32 between the pixels and the matrices. Places in a greedy order have no tolerance.
func compareScores(t *testing.T, c criteria.Criterion, m *criteria.Matrices, g *groups.Group, golden map[string]npz.Array) {
	t.Helper()
	name := c.Name + "/" + g.Name
	s, err := criteria.Score(c, m, g)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	want := golden[name].Data
	if len(s.Values) != len(want) {
		t.Errorf("%s: %d scores, want %d", name, len(s.Values), len(want))
		return
	}
	size, worst := 0.0, 0.0
	for i, w := range want {
		size = math.Max(size, math.Abs(float64(w)))
		worst = math.Max(worst, math.Abs(s.Values[i]-float64(w)))
	}
	if limit := 1e-3; worst > limit*size {
		t.Errorf("%s: off by %.2g of the largest score, want %g at most", name, worst/size, limit)
	}
}

// write puts down pictures and all that is drawn by chance.
func (f *fixture) write(t *testing.T, dir string) {
	draw := map[string]any{"Boxes": f.boxes, "Labels": f.s.labels(), "Probed": f.probed}
	var err error
	if draw["Model"], err = filepath.Abs(f.model); err != nil {
		t.Fatal(err)
	}
	draw["Shuffled"], draw["Picks"], draw["Orders"] = f.shuffled(), f.picks(t), f.orders()
	text, err := json.Marshal(draw)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "draw.json"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	var pixels []byte
	for _, x := range f.s.Samples {
		img, err := data.Decode(x.Path)
		if err != nil || img.W != 32 || img.H != 32 {
			t.Fatalf("%s: %v", x.Path, err)
		}
		pixels = append(pixels, img.Pix...)
	}
	if err := os.WriteFile(filepath.Join(dir, "pixels"), pixels, 0o644); err != nil {
		t.Fatal(err)
	}
}

// shuffled is the labels that mi-binned corrects by.
func (f *fixture) shuffled() [][]int {
	list := make([][]int, 20)
	for k := range list {
		list[k] = f.s.labels()
		random.Stream(f.s.Seed, "labels", uint64(k)).Shuffle(len(list[k]), func(i, j int) { list[k][i], list[k][j] = list[k][j], list[k][i] })
	}
	return list
}

// picks are the outputs that contributions are drawn at: by layer, image and draw, a channel, a row and a column.
func (f *fixture) picks(t *testing.T) map[string][][][3]int {
	out := map[string][][][3]int{}
	for _, site := range readers(f.st) {
		n, of := site.Op, [3]int{site.Op.Shape.Channels(), 1, 1}
		if len(n.Shape) == 4 {
			of[1], of[2] = n.Shape[1], n.Shape[2]
		}
		rows := make([][][3]int, len(f.s.Samples))
		for i := range rows {
			rng := random.Stream(f.s.Seed, "contributions/"+n.Name, uint64(i))
			rows[i] = make([][3]int, drawsEach(len(f.s.Samples), site.Weight.Shape.Channels()))
			for k := range rows[i] {
				for a := range of {
					rows[i][k][a] = rng.IntN(of[a])
				}
			}
		}
		out[n.Name] = rows
	}
	return out
}

// orders are those in which shapley lets units go, and their reverses.
func (f *fixture) orders() map[string][][]int {
	out := map[string][][]int{}
	for _, name := range probedGroups {
		rng := random.Stream(f.s.Seed, name+" shapley", 0)
		for range 2 {
			order := rng.Perm(len(f.st.Named(name).Units))
			back := slices.Clone(order)
			slices.Reverse(back)
			out[name] = append(out[name], order, back)
		}
	}
	return out
}

// betterThanReverse: half of the inner filters of ResNet-20 gone and rebuilt without training, the classifier is better
// off with what a criterion keeps than with what it would remove.
func (f *fixture) betterThanReverse(t *testing.T, c *Collected) {
	set, err := data.Open(toy.SharedData(t, "cifar10-jpeg-mini"), data.Options{HeaderOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	tested := data.Shots(set.Test, 10, 20, 1)
	for _, name := range []string{"l1", "fisher-margin", "obs", "fusion"} {
		kept, reversed := f.right(t, c, name, tested), f.right(t, c, "reverse:"+name, tested)
		if kept < reversed+0.05 {
			t.Errorf("%s: %.3f right, the reverse order %.3f", name, kept, reversed)
		}
	}
}

// right is the accuracy of the network once half of its inner filters are gone.
func (f *fixture) right(t *testing.T, c *Collected, name string, tested []data.Sample) float64 {
	t.Helper()
	limits := pruning.DefaultLimits(1)
	limits.MaxPerTurn, limits.Streams = 0, false
	budget, err := pruning.ParseBudget("macs=0.51")
	if err != nil {
		t.Fatal(err)
	}
	ranking, err := pruning.Rank(lookup(t, name), f.st, limits, c.Matrices)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pruning.Allocation{Allocator: "uniform", Budget: budget, Limits: limits, Select: ranking, Across: ranking, Seed: 1}.Allocate(f.st)
	if err != nil {
		t.Fatal(err)
	}
	g, change, _, err := pruning.Prune(f.st.Graph, f.st, p.Remove, c.Moments)
	if err != nil {
		t.Fatal(err)
	}
	g = g.Copy()
	if err := f.s.Reestimate(g, f.st.Graph, change); err != nil {
		t.Fatal(err)
	}
	r, err := eval.Evaluate(f.s.Ctx, f.s.Env, g, tested, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Accuracy
}

func lookup(t testing.TB, name string) criteria.Criterion {
	t.Helper()
	c, err := criteria.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSameBitsOnAnyThreads: what is collected does not depend on how many threads collect it.
func TestSameBitsOnAnyThreads(t *testing.T) {
	s, st := probing(t)
	var first *Collected
	for threads := 1; threads <= 4; threads++ {
		pool := kernels.NewPool(threads)
		s.Env.Pool = pool
		c, err := s.Collect(st, behindLogits|criteria.Activations|criteria.MapRanks|criteria.Moments|criteria.Samples)
		pool.Close()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = c
		}
		if !reflect.DeepEqual(c.Places, first.Places) || !reflect.DeepEqual(c.Moments, first.Moments) || !reflect.DeepEqual(c.Added, first.Added) {
			t.Errorf("%d threads collect something else than one", threads)
		}
	}
}
