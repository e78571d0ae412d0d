package nets

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// Values is the tensors of one Run by name.
type Values map[string][]float32

// Run computes every node of g, each in memory of its own.
func Run(t testing.TB, g *graph.Graph, feeds Values) Values {
	t.Helper()
	env := &graph.Env{Kernels: kernels.Best(), Pool: kernels.NewPool(1)}
	defer env.Pool.Close()
	mem := Values{}
	for _, n := range g.Nodes {
		switch {
		case n.Is(graph.Input):
			if len(feeds[n.Name]) != n.Shape.Elems() {
				t.Fatalf("%s: fed %d Values for shape %v", n.Name, len(feeds[n.Name]), n.Shape)
			}
			mem[n.Name] = feeds[n.Name]
		case n.IsLeaf():
			mem[n.Name] = n.Value
		default:
			mem[n.Name] = compute(t, env, n, mem)
		}
	}
	return mem
}

func compute(t testing.TB, env *graph.Env, n *graph.Node, mem Values) []float32 {
	t.Helper()
	if a, ok := n.Op.(graph.Aliaser); ok {
		return mem[n.In[a.Alias()].Name]
	}
	m := &graph.Mem{}
	loop := n.Op.(graph.Lowerer).Lower(env, n, m)
	m.Out = tensor.Floats(n.Shape.Elems())
	for _, in := range n.In {
		m.In = append(m.In, mem[in.Name])
	}
	m.Scratch = tensor.Floats(loop.Scratch)
	loop.Run()
	return m.Out
}

// Near fails where got leaves want by more than tol of the largest magnitude in want.
func Near(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d Values, want %d", what, len(got), len(want))
	}
	scale := 1e-6
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tol*scale) {
			t.Fatalf("%s: value %d is %g, want %g (largest %g)", what, i, got[i], want[i], scale)
		}
	}
}

// Structure is the groups of g.
func Structure(t testing.TB, g *graph.Graph) *groups.Structure {
	t.Helper()
	s, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Places is random P, Γ, R and the rest at all gates of a structure, N images.
func Places(seed uint64, s *groups.Structure, n int) map[string]criteria.Place {
	rng := rand.New(rand.NewPCG(seed, 5))
	places := map[string]criteria.Place{}
	for _, g := range s.Groups {
		for _, node := range g.Gates {
			c := node.Shape.Channels()
			p := criteria.Place{Pool: make([]float32, n*c*4)}
			for i := range p.Pool {
				p.Pool[i] = rng.Float32()
			}
			for _, v := range []*[]float32{&p.Loss, &p.Margin, &p.Relevance, &p.Saliency, &p.Rank, &p.Overlap} {
				*v = make([]float32, n*c)
				for i := range *v {
					(*v)[i] = rng.Float32()*2 - 1
				}
			}
			p.Overlap = make([]float32, 2*c)
			for _, v := range [][]float32{p.Rank, p.Overlap} {
				for i := range v {
					v[i] = rng.Float32()
				}
			}
			places[node.Name] = p
		}
	}
	return places
}

// Consumers is random moments and contributions where a group is read.
func Consumers(seed uint64, g *groups.Group) map[string]criteria.Consumer {
	rng := rand.New(rand.NewPCG(seed, 6))
	out := map[string]criteria.Consumer{}
	for _, site := range g.Consumers {
		c := site.Weight.Shape.Channels()
		x, m := make([]float64, 2*c*c), ridge.Moments{Mean: make([]float64, c), Cov: make([]float64, c*c)}
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		for i := range c {
			for j := range c {
				for k := range 2 * c {
					m.Cov[i*c+j] += x[i*2*c+k] * x[j*2*c+k] / float64(2*c)
				}
			}
		}
		added := make([]float64, 4*c*c)
		for i := range added {
			added[i] = rng.NormFloat64()
		}
		out[site.Op.Name] = criteria.Consumer{Moments: m, Added: Products(added, c)}
	}
	return out
}

// Products is Σ x·xᵀ over rows of c.
func Products(rows []float64, c int) []float64 {
	out := make([]float64, c*c)
	for k := 0; k < len(rows); k += c {
		for i := range c {
			for j := range c {
				out[i*c+j] += rows[k+i] * rows[k+j]
			}
		}
	}
	return out
}

// Additive is a probe of a network whose loss loses or gains by each unit alone, whatever the others do: what its Γ of the
// loss says.
func Additive(g *groups.Group, m *criteria.Matrices) criteria.Probe {
	p := additive{m.N, len(g.Units), make([]float64, m.N*len(g.Units))}
	for _, gate := range m.Gates {
		for i, v := range gate.Loss {
			p.by[i] += float64(v)
		}
	}
	return p
}

type additive struct {
	n, f int
	by   []float64 // N×F
}

func (p additive) Losses(keep []float64, _ bool) ([]float64, error) {
	out := make([]float64, p.n)
	for i, v := range p.by {
		out[i/p.f] += (1 - keep[i%p.f]) * v
	}
	return out, nil
}

func (p additive) Gammas(float64, bool) ([]float64, error) {
	out := make([]float64, len(p.by))
	for i, v := range p.by {
		out[i] = -v
	}
	return out, nil
}

// Silence zeroes what produces the units, weights, biases, scales and shifts, but not what reads
// them, so that their activations are zero.
func Silence(g *graph.Graph, s *groups.Structure, remove map[int][]int) {
	for id, units := range remove {
		for _, u := range units {
			for _, sl := range s.Groups[id].Units[u].Slices {
				if n := g.Node(sl.Node.Name); n.IsLeaf() && sl.Axis == 0 && !strings.HasSuffix(n.Name, ".var") {
					size := len(n.Value) / n.Shape[0]
					clear(n.Value[sl.Index*size : (sl.Index+1)*size])
				}
			}
		}
	}
}

// Finite reports whether all of v are numbers.
func Finite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}
