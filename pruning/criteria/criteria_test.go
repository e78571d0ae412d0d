package criteria_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
	"github.com/secateur/secateur/pruning/ridge"
)

func gather(t testing.TB, g *groups.Group, n int, places map[string]criteria.Place) *criteria.Matrices {
	t.Helper()
	m, err := criteria.Gather(g, criteria.Rows{Images: n, Pooled: n, Objects: n}, places)
	if err != nil {
		t.Fatal(err)
	}
	m.Classes, m.Consumers = 3, nets.Consumers(8, g)
	for i := range n {
		m.Labels = append(m.Labels, i%3)
	}
	m.Probe = nets.Additive(g, m)
	return m
}

func score(t testing.TB, name string, m *criteria.Matrices, g *groups.Group) *criteria.Scores {
	t.Helper()
	c, err := criteria.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := criteria.Score(c, m, g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// golden is an independent calculation of each score, one unit at a time, on gate columns given
// as γ[gate][image] and mean activation act[image].
var golden = map[string]func(gamma [][]float64, pixels []float64) float64{
	"taylor": func(gamma [][]float64, pixels []float64) float64 {
		sum := 0.0
		for n := range gamma[0] {
			x := 0.0
			for k := range gamma {
				x += gamma[k][n] / pixels[k]
			}
			sum += math.Abs(x)
		}
		return sum / float64(len(gamma[0]))
	},
	"taylor-gate": func(gamma [][]float64, _ []float64) float64 {
		images := len(gamma[0])
		sum, batches := 0.0, 0.0
		for lo := 0; lo < images; lo += 8 {
			mean, count := 0.0, 0.0
			for n := lo; n < images && n < lo+8; n++ {
				for k := range gamma {
					mean += gamma[k][n]
				}
				count++
			}
			sum += (mean / count) * (mean / count)
			batches++
		}
		return sum / batches
	},
	"fisher": func(gamma [][]float64, _ []float64) float64 {
		sum := 0.0
		for n := range gamma[0] {
			x := 0.0
			for k := range gamma {
				x += gamma[k][n]
			}
			sum += x * x
		}
		return sum / float64(len(gamma[0])) / 2
	},
}

// TestGradientScores compares with golden on a stream of two gates, 11 images, on the loss, on
// the margin, and by the plain name, which is the margin.
func TestGradientScores(t *testing.T) {
	s := nets.Structure(t, nets.Residual(1))
	g := s.Named("stem")
	places := nets.Places(1, s, 11)
	m := gather(t, g, 11, places)
	if len(m.Gates) != 2 || m.Gates[0].Pixels != 64 {
		t.Fatalf("%d gates, %d pixels", len(m.Gates), m.Gates[0].Pixels)
	}
	m.Gates[1].Pixels = 16 // as if the second one lay behind a pool
	for name, want := range golden {
		for _, on := range []string{"", "-loss", "-margin"} {
			values := make([]float64, len(g.Units))
			for i := range values {
				var gamma [][]float64
				var pixels []float64
				for k, gate := range g.Gates {
					p := places[gate.Name].Margin
					if on == "-loss" {
						p = places[gate.Name].Loss
					}
					col := make([]float64, 11)
					for n := range col {
						col[n] = float64(p[n*gate.Shape.Channels()+i])
					}
					gamma, pixels = append(gamma, col), append(pixels, float64(m.Gates[k].Pixels))
				}
				values[i] = want(gamma, pixels)
			}
			if name == "taylor" {
				unitNorm(values)
			}
			closeTo(t, name+on, score(t, name+on, m, g).Values, values)
		}
	}
}

func unitNorm(v []float64) {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	for i := range v {
		v[i] /= math.Sqrt(sum)
	}
}

func closeTo(t testing.TB, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-9*(1+math.Abs(want[i])) {
			t.Errorf("%s: unit %d scores %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestWeightScores compares norms with sums over explicit indices: a stream of three producers
// and three consumers, each followed by batch norm.
func TestWeightScores(t *testing.T) {
	g := nets.Residual(1)
	s := nets.Structure(t, g)
	gr := s.Named("stem")
	places := nets.Places(2, s, 2)
	m := gather(t, gr, 2, places)
	n := len(gr.Units)
	l1, sq, outSq, outAbs := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		for _, name := range []string{"stem", "b1.b", "b2.b"} {
			w := g.Node(name + ".w")
			size := len(w.Value) / w.Shape[0]
			for _, x := range w.Value[i*size : (i+1)*size] {
				l1[i] += math.Abs(float64(x))
				sq[i] += float64(x) * float64(x)
			}
		}
		for _, name := range []string{"b1.a", "b2.a", "b3.a"} {
			w, gamma, variance := g.Node(name+".w"), g.Node(name+".bn.gamma").Value, g.Node(name+".bn.var").Value
			for o := range w.Shape[0] {
				scale := float64(gamma[o]) / math.Sqrt(float64(variance[o])+float64(float32(1e-5)))
				for tap := range 9 {
					x := float64(w.Value[(o*9+tap)*n+i]) * scale
					outSq[i] += x * x
					outAbs[i] += math.Abs(x)
				}
			}
		}
	}
	want := map[string][]float64{"l1": l1, "l2": nil, "l1-out": nil, "activation-out": nil}
	want["l2"], want["l1-out"], want["activation-out"] = make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		want["l2"][i] = math.Sqrt(sq[i])
		want["l1-out"][i] = l1[i] * math.Sqrt(outSq[i])
		for _, gate := range gr.Gates {
			for img := range 2 { // the first block of 4·n is the means
				want["activation-out"][i] += math.Abs(float64(places[gate.Name].Pool[img*4*n+i])) / 2 * outAbs[i]
			}
		}
	}
	for name, w := range want {
		closeTo(t, name, score(t, name, m, gr).Values, w)
	}
	closeTo(t, "reverse:l1", score(t, "reverse:l1", m, gr).Values, negated(l1))
}

// TestSignedActivation holds that behind a gate without ReLU the root mean square of an image
// stands for the mean magnitude.
func TestSignedActivation(t *testing.T) {
	g := nets.Excite(1)
	s := nets.Structure(t, g)
	gr := s.Named("project")
	c := len(gr.Units)
	pool := make([]float32, 4*c)
	w := g.Node("fc.w")
	want := make([]float64, c)
	for i := range c {
		mean, std := float32(i)-2, .5*float32(i)
		pool[i], pool[3*c+i] = mean, std
		for o := range 4 {
			want[i] += math.Abs(float64(w.Value[o*c+i])) * math.Sqrt(float64(mean*mean+std*std))
		}
	}
	m := gather(t, gr, 1, map[string]criteria.Place{"project.bn": {Pool: pool}})
	closeTo(t, "activation-out", score(t, "activation-out", m, gr).Values, want)
}

func negated(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = -x
	}
	return out
}

// judge is the scores of a group by every criterion that is defined for it, not by noise.
func judge(t testing.TB, m *criteria.Matrices, g *groups.Group) map[string]*criteria.Scores {
	t.Helper()
	all := map[string]*criteria.Scores{}
	for _, c := range criteria.All() {
		if m.Probe == nil && c.Needs.Has(criteria.Probing) {
			continue
		}
		s, err := criteria.Score(c, m, g)
		switch {
		case c.Name == "random":
		case err == nil:
			all[c.Name] = s
		case c.Name == "bn-scale" && strings.Contains(err.Error(), "no batch norm lies apart"):
		case c.Name == "selectivity" && strings.Contains(err.Error(), "not defined"):
		default:
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	return all
}

// TestEquivariance is identity l: permuting the channels of a group permutes the scores.
func TestEquivariance(t *testing.T) {
	for netName, make := range nets.All() {
		g := make(4).Copy()
		s := nets.Structure(t, g)
		places := nets.Places(3, s, 12)
		for _, gr := range s.Free() {
			m := gather(t, gr, 12, places)
			before := judge(t, m, gr)
			order := rand.New(rand.NewPCG(9, 9)).Perm(len(gr.Units))
			undo := permute(gr, places, order)
			consumers := m.Consumers
			m = gather(t, gr, 12, places)
			m.Consumers = permuted(gr, consumers, order)
			for name, after := range judge(t, m, gr) {
				for i, from := range order {
					if want := before[name].Values[from]; math.Abs(after.Values[i]-want) > 1e-9*math.Abs(want) {
						t.Errorf("%s %s %s: unit %d scores %g, was %g at %d", netName, gr.Name, name, i, after.Values[i], want, from)
					}
				}
			}
			undo()
		}
	}
}

// permuted is moments and contributions with unit order[i] at the place of unit i.
func permuted(g *groups.Group, of map[string]criteria.Consumer, order []int) map[string]criteria.Consumer {
	out := map[string]criteria.Consumer{}
	for _, site := range g.Consumers {
		m := of[site.Op.Name].Moments
		c := len(m.Mean)
		from := make([]int, c)
		for i := range from {
			from[i] = i
		}
		for i, u := range order {
			for k, at := range g.Units[i].Indices(site.Weight, site.Axis) {
				from[at] = g.Units[u].Indices(site.Weight, site.Axis)[k]
			}
		}
		p, added := ridge.Moments{Mean: make([]float64, c), Cov: make([]float64, c*c)}, make([]float64, c*c)
		for i := range c {
			p.Mean[i] = m.Mean[from[i]]
			for j := range c {
				p.Cov[i*c+j] = m.Cov[from[i]*c+from[j]]
				added[i*c+j] = of[site.Op.Name].Added[from[i]*c+from[j]]
			}
		}
		out[site.Op.Name] = criteria.Consumer{Moments: p, Added: added}
	}
	return out
}

// permute moves unit order[i] to the place of unit i in all leaves and in what was collected.
func permute(g *groups.Group, places map[string]criteria.Place, order []int) (undo func()) {
	var undos []func()
	move := func(v []float32, stride, outer, length int, n *graph.Node, axis int) {
		old := slices.Clone(v)
		undos = append(undos, func() { copy(v, old) })
		for i, from := range order {
			to, at := g.Units[i].Indices(n, axis), g.Units[from].Indices(n, axis)
			for k := range to {
				for o := range outer {
					copy(v[(o*length+to[k])*stride:][:stride], old[(o*length+at[k])*stride:][:stride])
				}
			}
		}
	}
	for _, m := range g.Members {
		stride := m.Leaf.Shape[m.Axis+1:].Elems()
		length := m.Leaf.Shape[m.Axis]
		move(m.Leaf.Value, stride, len(m.Leaf.Value)/stride/length, length, m.Leaf, m.Axis)
	}
	for _, n := range g.Gates {
		p, c := places[n.Name], n.Shape.Channels()
		for _, v := range [][]float32{p.Pool, p.Loss, p.Margin, p.Relevance, p.Saliency, p.Rank, p.Overlap} {
			move(v, 1, len(v)/c, c, n, len(n.Shape)-1)
		}
	}
	return func() {
		for i := len(undos) - 1; i >= 0; i-- {
			undos[i]()
		}
	}
}

// TestDeadFilter is identity n: a filter whose activation is always zero is last or tied last
// by all data criteria, with two images a class as with many, and NaN goes first and is counted.
func TestDeadFilter(t *testing.T) {
	s := nets.Structure(t, nets.Mobile(1))
	g := s.Named("pw1")
	c := g.Gates[0].Shape.Channels()
	dead := g.Units[3].Indices(g.Gates[0], 3)
	for _, images := range []int{6, 30} {
		for _, value := range []float32{0, float32(math.NaN())} {
			places := nets.Places(6, s, images)
			p := places[g.Gates[0].Name]
			for _, v := range [][]float32{p.Pool, p.Loss, p.Margin, p.Relevance, p.Saliency, p.Rank, p.Overlap} {
				for i := range v {
					if slices.Contains(dead, i%c) {
						v[i] = value
					} else {
						v[i] = float32(math.Abs(float64(v[i])))
					}
				}
			}
			m := gather(t, g, images, places)
			silence(g, m, 3)
			if value != value {
				m.Probe = nil // one unit that is no number makes the loss none
			}
			for name, sc := range judge(t, m, g) {
				criterion, _ := criteria.Lookup(name)
				if !criterion.Needs.Images() {
					continue
				}
				if sc.Values[3] > slices.Min(sc.Values) || math.IsNaN(slices.Max(sc.Values)) {
					t.Errorf("%s, %d images, dead is %g: %+v", name, images, value, sc)
				}
				if wrong := value != value && criterion.Needs&(criteria.Moments|criteria.Samples) == 0; wrong != (sc.Floored == 1) || wrong && sc.Order[0] != 3 {
					t.Errorf("%s, dead is %g: %d floored, %v go first", name, value, sc.Floored, sc.Order)
				}
			}
		}
	}
}

// silence makes a unit's channels zero where they are read.
func silence(g *groups.Group, m *criteria.Matrices, unit int) {
	for _, site := range g.Consumers {
		cov := m.Consumers[site.Op.Name].Moments.Cov
		c := site.Weight.Shape.Channels()
		for _, k := range g.Units[unit].Indices(site.Weight, site.Axis) {
			for j := range c {
				added := m.Consumers[site.Op.Name].Added
				cov[k*c+j], cov[j*c+k], added[k*c+j], added[j*c+k] = 0, 0, 0, 0
			}
		}
	}
}

// TestTies holds that equal scores go in a seeded random order and are counted.
func TestTies(t *testing.T) {
	g := nets.Mobile(1).Copy()
	for i := range g.Node("pw1.w").Value {
		g.Node("pw1.w").Value[i] = .5
	}
	s := nets.Structure(t, g)
	m := &criteria.Matrices{}
	first := score(t, "l1", m, s.Named("pw1"))
	again := score(t, "l1", m, s.Named("pw1"))
	m.Seed = 1
	other := score(t, "l1", m, s.Named("pw1"))
	if first.Ties != 7 || !slices.Equal(first.Order, again.Order) || slices.Equal(first.Order, other.Order) || slices.IsSorted(first.Order) {
		t.Errorf("orders %v, %v, with another seed %v; %d ties", first.Order, again.Order, other.Order, first.Ties)
	}
}

// TestRandom holds that noise follows the seed and the group.
func TestRandom(t *testing.T) {
	s := nets.Structure(t, nets.Mobile(1))
	at := func(seed uint64, g int) []float64 {
		return score(t, "random", &criteria.Matrices{Seed: seed}, s.Groups[g]).Values
	}
	if !slices.Equal(at(1, 1), at(1, 1)) || slices.Equal(at(1, 1), at(2, 1)) || at(1, 1)[0] == at(1, 2)[0] {
		t.Error("noise does not follow seed and group alone")
	}
}

// TestClassWeights holds that a rare class counts as much as a frequent one.
func TestClassWeights(t *testing.T) {
	closeTo(t, "weights", criteria.ClassWeights([]int{0, 0, 0, 1}), []float64{2. / 3, 2. / 3, 2. / 3, 2})
	s := nets.Structure(t, nets.Mobile(1))
	g := s.Named("pw2")
	places := nets.Places(1, s, 4)
	m := gather(t, g, 4, places)
	m.Weight = []float64{0, 0, 0, 1}
	got := score(t, "fisher", m, g).Values
	for i := range got {
		x := float64(m.Gates[0].Margin[3*len(got)+i])
		closeTo(t, "fisher of the last image", got[i:i+1], []float64{x * x / 2})
	}
}

// TestLookup holds names and errors.
func TestLookup(t *testing.T) {
	for name, want := range map[string]string{"fisher": "fisher-margin", "taylor": "taylor-margin", "taylor-gate": "taylor-gate-margin",
		"reverse:fisher": "reverse:fisher-margin", "l1": "l1"} {
		if c, err := criteria.Lookup(name); err != nil || c.Name != want {
			t.Errorf("%s is %s, %v", name, c.Name, err)
		}
	}
	if _, err := criteria.Lookup("l3"); err == nil || !strings.Contains(err.Error(), `criterion "l3" is not known, want one of random, l1, l2`) {
		t.Errorf("error %v", err)
	}
	c, _ := criteria.Lookup("l1")
	if c.Caution(nets.Structure(t, nets.Fire(1))) == "" || c.Caution(nets.Structure(t, nets.Mobile(1))) != "" {
		t.Error("l1 must warn where no batch norm lies apart, and only there")
	}
}

// TestGatherRefuses holds the errors of missing or short matrices.
func TestGatherRefuses(t *testing.T) {
	s := nets.Structure(t, nets.Mobile(1))
	g := s.Named("pw1")
	if _, err := criteria.Gather(g, criteria.Rows{Images: 2, Pooled: 2, Objects: 2}, nil); err == nil || !strings.Contains(err.Error(), "nothing was collected at gate dw2.relu") {
		t.Errorf("error %v", err)
	}
	short := map[string]criteria.Place{"dw2.relu": {Loss: make([]float32, 3)}}
	if _, err := criteria.Gather(g, criteria.Rows{Images: 2, Pooled: 2, Objects: 2}, short); err == nil || !strings.Contains(err.Error(), "3 values, want 32 for 2 images and 16 channels") {
		t.Errorf("error %v", err)
	}
	c, _ := criteria.Lookup("fisher")
	m := gather(t, g, 2, map[string]criteria.Place{"dw2.relu": {Loss: make([]float32, 32)}})
	if _, err := criteria.Score(c, m, g); err == nil || !strings.Contains(err.Error(), "gradients of the margin has 0 values") {
		t.Errorf("error %v", err)
	}
}
