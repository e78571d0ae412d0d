package criteria_test

import (
	"math"
	"testing"

	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// onMargin adds the logit margin behind a net of nets with 4 logits.
func onMargin(g *graph.Graph) *graph.Node {
	target := tensor.Floats(8)
	target[1], target[4+2] = 1, 1
	return g.Add("margin", op.Margin{}, g.Outputs[0], g.Leaf("target", graph.Const, tensor.Shape{2, 4}, target))
}

// gradients adds the gradients of the margin and runs the graph; "d." before a name is its gradient.
func gradients(t testing.TB, g *graph.Graph, of ...string) nets.Values {
	t.Helper()
	var wrt []*graph.Node
	for _, name := range of {
		wrt = append(wrt, g.Node(name))
	}
	d, err := grad.Differentiate(g, onMargin(g), wrt)
	if err != nil {
		t.Fatal(err)
	}
	mem := nets.Run(t, g, nets.Images(5, 2))
	for _, n := range wrt {
		mem["d."+n.Name] = mem[d[n].Name]
	}
	return mem
}

// dots is Σ a·b over all but the last axis, of c channels, and the same with magnitudes.
func dots(a, b []float32, c int) (sum, size []float64) {
	sum, size = make([]float64, c), make([]float64, c)
	for i := range a {
		x := float64(a[i]) * float64(b[i])
		sum[i%c] += x
		size[i%c] += math.Abs(x)
	}
	return sum, size
}

// rows is Σ w·dw over each filter of o.
func rows(w, dw []float32, o int) (sum, size []float64) {
	sum, size = make([]float64, o), make([]float64, o)
	for i := range w {
		x := float64(w[i]) * float64(dw[i])
		sum[i*o/len(w)] += x
		size[i*o/len(w)] += math.Abs(x)
	}
	return sum, size
}

func agree(t testing.TB, what string, got, want, size []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-5*(size[i]+1e-6) {
			t.Errorf("%s: channel %d: %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestReluGate is identity a: for ReLU, Σ z·dz before is Σ a·da after, image by image.
func TestReluGate(t *testing.T) {
	mem := gradients(t, nets.Mobile(1), "pw1.bn", "pw1.relu")
	half := len(mem["pw1.bn"]) / 2
	for n := range 2 {
		at := func(name string) []float32 { return mem[name][n*half : (n+1)*half] }
		before, _ := dots(at("pw1.bn"), at("d.pw1.bn"), 8)
		after, size := dots(at("pw1.relu"), at("d.pw1.relu"), 8)
		agree(t, "relu", before, after, size)
	}
}

// TestNormGate is identity b: behind batch norm, Σ y·dy is γ·dγ + β·dβ.
func TestNormGate(t *testing.T) {
	mem := gradients(t, nets.Mobile(1), "pw1.bn", "pw1.bn.gamma", "pw1.bn.beta")
	gate, size := dots(mem["pw1.bn"], mem["d.pw1.bn"], 8)
	want, _ := dots(mem["pw1.bn.gamma"], mem["d.pw1.bn.gamma"], 8)
	shift, _ := dots(mem["pw1.bn.beta"], mem["d.pw1.bn.beta"], 8)
	for i := range want {
		want[i] += shift[i]
	}
	agree(t, "batch norm", gate, want, size)
}

// TestConvGate is identity c: without batch norm, Σ w·dw + b·db over a filter is Σ z·dz.
func TestConvGate(t *testing.T) {
	mem := gradients(t, nets.Fire(1), "squeeze", "squeeze.w", "squeeze.b")
	gate, size := dots(mem["squeeze"], mem["d.squeeze"], 4)
	want, _ := rows(mem["squeeze.w"], mem["d.squeeze.w"], 4)
	bias, _ := dots(mem["squeeze.b"], mem["d.squeeze.b"], 4)
	for i := range want {
		want[i] += bias[i]
	}
	agree(t, "convolution", gate, want, size)
}

// TestScaleInvariance is identity d: before batch norm in training mode, Σ w·dw over a filter is
// zero, which is why scores are taken in evaluation mode.
func TestScaleInvariance(t *testing.T) {
	for _, train := range []bool{true, false} {
		g := nets.Mobile(1)
		if train {
			g = trained(t, g)
		}
		mem := gradients(t, g, "pw1.w")
		sum, size := rows(mem["pw1.w"], mem["d.pw1.w"], 8)
		largest := 0.0
		for i := range sum {
			largest = max(largest, math.Abs(sum[i])/(size[i]+1e-12))
		}
		if train && largest > 1e-3 || !train && largest < .05 {
			t.Errorf("trained %v: Σ w·dw is %g of Σ|w·dw|", train, largest)
		}
	}
}

// trained is g with the statistics of the batch in its batch norms.
func trained(t testing.TB, g *graph.Graph) *graph.Graph {
	t.Helper()
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if _, ok := n.Op.(op.BatchNormalization); !ok {
			return dst.Keep(n, in)
		}
		mean := dst.Add(n.Name+".batch", op.BatchMean{}, in[0])
		variance := dst.Add(n.Name+".batchvar", op.BatchVar{}, in[0], mean)
		return dst.Try(n.Name, op.BatchNormTrain{Eps: 1e-9}, in[0], in[1], in[2], mean, variance)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCopies is identity m: of a filter and its copy, one is the first to go by distance and by reconstruction.
func TestCopies(t *testing.T) {
	g := nets.Mobile(1).Copy()
	s := nets.Structure(t, g)
	gr := s.Named("pw1")
	places := nets.Places(1, s, 2)
	m := gather(t, gr, 2, places)
	nearest := score(t, "fpgm", m, gr).Order[0]
	other := (nearest + 3) % len(gr.Units)
	w := g.Node("pw1.w")
	size := len(w.Value) / w.Shape[0]
	copy(w.Value[other*size:(other+1)*size], w.Value[nearest*size:])
	for _, site := range gr.Consumers {
		c, cov := site.Weight.Shape.Channels(), m.Consumers[site.Op.Name].Moments.Cov
		from, to := gr.Units[nearest].Indices(site.Weight, site.Axis), gr.Units[other].Indices(site.Weight, site.Axis)
		for k, a := range from {
			for j := range c {
				cov[to[k]*c+j] = cov[a*c+j]
			}
			for j := range c {
				cov[j*c+to[k]] = cov[j*c+a]
			}
		}
	}
	consumers := m.Consumers
	m = gather(t, gr, 2, places)
	m.Consumers = consumers
	for _, name := range []string{"fpgm", "obs"} {
		if first := score(t, name, m, gr).Order[0]; first != nearest && first != other {
			t.Errorf("%s: %d goes first, want %d or its copy %d", name, first, nearest, other)
		}
	}
}
