package score

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// finding is a scorer of a detector, not trained, over pictures of squares.
func finding(t *testing.T) (*Scorer, *groups.Structure) {
	t.Helper()
	g, err := detect.Head{Strides: []int{4, 8}, Width: 8, Depth: 1, Seed: 1}.AddHead(toy.Backbone(), []string{"red", "blue"})
	if err != nil {
		t.Fatal(err)
	}
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	return &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: toy.Squares(t, toy.Folder(t, "squares"), 11), Classes: 2, Seed: 1}, st
}

// TestDetectorRows: gradients and relevance have a row an object, activations one for a piece of background too, and all of it
// comes back from its file.
func TestDetectorRows(t *testing.T) {
	s, st := finding(t)
	needs := criteria.Activations | criteria.MarginGradients | criteria.LossGradients | criteria.Relevance | criteria.Saliency
	c, err := s.Collect(st, needs)
	if err != nil {
		t.Fatal(err)
	}
	var objects []int
	for _, x := range s.Samples {
		for _, b := range x.Boxes {
			objects = append(objects, b.Class)
		}
	}
	count := make([]int, 3)
	for _, class := range c.Regions {
		count[class]++
	}
	if count[0]+count[1] != len(objects) || count[2] < len(objects)/2 || count[2] > len(objects) {
		t.Fatalf("%v regions by class for %d objects", count, len(objects))
	}
	if !slices.Equal(c.Objects, objects) || !slices.IsSorted(c.RegionOf) || len(c.RegionOf) != len(c.Regions) || c.RegionOf[len(c.RegionOf)-1] != 10 {
		t.Errorf("objects %v, want %v; regions of images %v", c.Objects, objects, c.RegionOf)
	}
	for _, name := range GateNames(st) {
		p, channels := c.Places[name], st.Graph.Node(name).Shape.Channels()
		if len(p.Pool) != 4*channels*len(c.Regions) {
			t.Errorf("%s: %d pooled values for %d regions", name, len(p.Pool), len(c.Regions))
		}
		for what, v := range map[string][]float32{"margin": p.Margin, "loss": p.Loss, "relevance": p.Relevance} {
			if len(v) != channels*len(objects) || slices.Max(v) == slices.Min(v) {
				t.Errorf("%s: %d values of the %s for %d objects, from %v to %v", name, len(v), what, len(objects), slices.Min(v), slices.Max(v))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "m")
	if err := SaveMatrices(path, c, 0); err != nil {
		t.Fatal(err)
	}
	back, err := LoadMatrices(path)
	if err != nil || !slices.Equal(back.Regions, c.Regions) || !slices.Equal(back.RegionOf, c.RegionOf) || !slices.Equal(back.Labels, c.Labels) || !slices.Equal(back.Objects, c.Objects) {
		t.Errorf("regions %v and objects %v come back as %v and %v, %v", c.Regions, c.Objects, back.Regions, back.Objects, err)
	}
}

// TestObjectsAddUp: what is said of the objects of an image, gradients, relevance and saliency, adds up to what is said of the
// image as a whole; a picture without any has nothing but the loss of its background.
func TestObjectsAddUp(t *testing.T) {
	s, st := finding(t)
	s.Samples[3].Boxes = []data.Box{}
	var images []object
	for i := range s.Samples {
		images = append(images, object{i, whole})
	}
	names, rows := GateNames(st), s.objects()
	parts, classes, err := s.gatesOfObjects(st.Graph, names, rows, behindLogits)
	if err != nil {
		t.Fatal(err)
	}
	sums, _, err := s.gatesOfObjects(st.Graph, names, images, behindLogits)
	if err != nil {
		t.Fatal(err)
	}
	if len(classes) != len(rows) {
		t.Fatalf("anchors answer for %d of %d objects", len(classes), len(rows))
	}
	for _, name := range names {
		part, sum := parts[name], sums[name]
		for what, v := range map[string][2][]float32{"margin": {part.Margin, sum.Margin}, "loss": {part.Loss, sum.Loss},
			"relevance": {part.Relevance, sum.Relevance}, "saliency": {part.Saliency, sum.Saliency}} {
			added, channels := make([]float64, len(v[1])), len(v[1])/len(images)
			for i, x := range v[0] {
				added[rows[i/channels].image*channels+i%channels] += float64(x)
			}
			top := float64(max(slices.Max(v[1]), -slices.Min(v[1])))
			for i, x := range v[1] {
				toy.Near(t, name+" "+what, added[i], float64(x), 2e-4*top+1e-9)
			}
			if empty := v[1][3*channels : 4*channels]; what != "loss" && slices.ContainsFunc(empty, func(x float32) bool { return x != 0 }) {
				t.Errorf("%s: the %s of a picture without objects is %v", name, what, empty)
			}
		}
		if c := st.Graph.Node(name).Shape.Channels(); name == "a.relu" && slices.Max(sum.Loss[3*c:4*c]) == 0 {
			t.Error("the loss of a picture without objects has no gradient")
		}
	}
}

// TestObjectsDrawn: of very many objects some are asked about, all of a rare class among them, in the order of the images; of
// fewer all are.
func TestObjectsDrawn(t *testing.T) {
	s := &Scorer{Classes: 2, Seed: 1}
	for i := range 600 {
		boxes := []data.Box{{Class: 0}, {Class: 0}}
		if i%100 == 7 {
			boxes[1].Class = 1
		}
		s.Samples = append(s.Samples, data.Sample{Boxes: boxes})
	}
	rows, rare := s.objects(), 0
	for i, o := range rows {
		rare += s.Samples[o.image].Boxes[o.box].Class
		if i > 0 && (o == rows[i-1] || o.image < rows[i-1].image) {
			t.Fatalf("%v after %v", o, rows[i-1])
		}
	}
	if len(rows) != manyObjects || rare != 6 {
		t.Errorf("%d objects, %d of the rare class", len(rows), rare)
	}
	if rows[len(rows)-1].image < 500 {
		t.Errorf("the last image asked about is %d of 600", rows[len(rows)-1].image)
	}
	s.Samples = s.Samples[:100]
	if n := len(s.objects()); n != 200 {
		t.Errorf("%d of 200 objects", n)
	}
}

// TestDetectorRegions: the mean over an object at the first gate is that of the pixels that it covers.
func TestDetectorRegions(t *testing.T) {
	s, st := finding(t)
	s.Samples = s.Samples[:1]
	c, err := s.Collect(st, criteria.Activations)
	if err != nil {
		t.Fatal(err)
	}
	v, a := outputs(t, s, st.Graph, "a.relu"), st.Graph.Node("a.relu").Shape
	b := s.Samples[0].Boxes[0]
	channels, sum, n := a[3], 0.0, 0
	for y := int(b.YMin / 2); y < int(math.Ceil(float64(b.YMax/2))); y++ {
		for x := int(b.XMin / 2); x < int(math.Ceil(float64(b.XMax/2))); x++ {
			sum, n = sum+float64(v[(y*a[2]+x)*channels+3]), n+1
		}
	}
	toy.Near(t, "mean of channel 3", float64(c.Places["a.relu"].Pool[3]), sum/float64(n), 1e-4)
}

// TestDetectorRelevance: what starts at the anchors with objects arrives, as a whole, at the first gate of a tower.
func TestDetectorRelevance(t *testing.T) {
	s, st := finding(t)
	c, err := s.Collect(st, criteria.Relevance)
	if err != nil {
		t.Fatal(err)
	}
	total := func(gate string) (sum float64) {
		for _, v := range c.Places[gate].Relevance {
			sum += float64(v)
		}
		return sum
	}
	boxes := total(detect.Prefix+"box.0.4.relu") + total(detect.Prefix+"box.0.8.relu")
	classes := total(detect.Prefix+"class.0.4.relu") + total(detect.Prefix+"class.0.8.relu")
	if classes < 1 || boxes < 0.8*classes || boxes > 1.001*classes { // a distance that no positive part makes gives nothing
		t.Errorf("%.3f at the tower of classes, %.3f at that of boxes: each object's anchors give both 1", classes, boxes)
	}
}

// TestDetectorInside: some relevance lies inside the boxes, and all of it inside a box of the whole picture.
func TestDetectorInside(t *testing.T) {
	s, st := finding(t)
	some, err := s.Inside(st.Graph)
	if err != nil {
		t.Fatal(err)
	}
	if some <= 0.02 || some >= 0.98 {
		t.Errorf("a share of %v inside", some)
	}
	for i := range s.Samples {
		s.Samples[i].Boxes = []data.Box{{Class: 0, XMax: 32, YMax: 32}}
	}
	all, err := s.Inside(st.Graph)
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "share inside a box of the whole picture", all, 1, 1e-9)
	if _, err := s.Inside(toy.Backbone()); err == nil {
		t.Error("a classifier has boxes")
	}
}

// TestDetectorCriteria: every criterion judges a detector, in every group.
func TestDetectorCriteria(t *testing.T) {
	s, st := finding(t)
	judged := 0
	for _, c := range criteria.All() {
		if c.Name == "bn-scale" { // here is no batch norm
			continue
		}
		k, err := s.Collect(st, c.Needs)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for _, g := range st.Free() {
			m, err := k.Matrices(g)
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			scores, err := criteria.Score(c, m, g)
			if signed := m.Gates; c.Name == "selectivity" && signed[len(signed)-1].Signed {
				continue
			}
			if err != nil || len(scores.Values) != len(g.Units) || scores.Floored > 0 {
				t.Errorf("%s of %s: %+v, %v", c.Name, g.Name, scores, err)
			}
		}
		judged++
	}
	if judged < 20 {
		t.Errorf("%d criteria", judged)
	}
}

// TestDetectorProbe: the integral of the derivative along the joint path is what the loss loses on it (identity h), and the loss
// with all units is the network's own.
func TestDetectorProbe(t *testing.T) {
	s, st := finding(t)
	for _, name := range []string{"b", detect.Prefix + "box.0.4"} {
		g := st.Named(name)
		p, err := s.probe(st, g, 0) // nothing is kept: all images run from their files again
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Probe(st, g)
		if err != nil {
			t.Fatal(err)
		}
		losses := func(p criteria.Probe, share float64) float64 {
			keep := make([]float64, len(g.Units))
			for i := range keep {
				keep[i] = share
			}
			v, err := p.Losses(keep, true)
			if err != nil || len(v) != len(s.Samples) {
				t.Fatalf("%d losses, %v", len(v), err)
			}
			return mean(v)
		}
		on, off := losses(kept, 1), losses(kept, 0)
		toy.Near(t, "loss from the files", losses(p, 1), on, 1e-5*on)
		path, length, points := 0.0, 0.0, 256
		for k := range points {
			v, err := kept.Gammas((float64(k)+0.5)/float64(points), true)
			if err != nil {
				t.Fatal(err)
			}
			step := 0.0
			for _, x := range v {
				step += x / float64(points*len(s.Samples))
			}
			path, length = path+step, length+math.Abs(step)
		}
		if on == off {
			t.Errorf("%s: the loss is %v with it and without", name, on)
		}
		toy.Near(t, name+": the path's integral", path, on-off, 0.01*length) // the loss of boxes has kinks
	}
}

// TestDetectorRefuses: another number of classes.
func TestDetectorRefuses(t *testing.T) {
	s, st := finding(t)
	s.Classes = 3
	if _, err := s.Collect(st, criteria.MarginGradients); err == nil {
		t.Error("two classes are taken for three")
	}
}
