package onnx

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

const casesDir = "testdata/cases"

// opCase is a small model and what onnxruntime computes for it (tools/golden/onnx_cases.py).
type opCase struct {
	Name    string
	Input   []int
	Outputs []struct {
		Name   string
		Shape  []int
		Values []float32
	}
}

func opCases(t *testing.T) []opCase {
	b, err := os.ReadFile(filepath.Join(casesDir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []opCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// ramp is the input of every case, in ONNX's order.
func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(float64((i*7919+13)%1009)/504.5 - 1)
	}
	return x
}

// compile makes a plan on the generic kernels.
func compile(t *testing.T, g *graph.Graph, batch int) *plan.Plan {
	t.Helper()
	pool := kernels.NewPool(1)
	t.Cleanup(pool.Close)
	p, err := plan.Compile(g, plan.Options{Env: graph.Env{Kernels: kernels.Generic(), Pool: pool}, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// outputs runs g on batch copies of x, given in ONNX's order or in ours with channelsLast, and
// returns its outputs in ONNX's order.
func outputs(t *testing.T, g *graph.Graph, x []float32, batch int, channelsLast bool) [][]float32 {
	t.Helper()
	p := compile(t, g, batch)
	in := p.Graph.Role(graph.Input)[0]
	FromNCHW(p.Data(in.Name), slices.Repeat(x, batch), in.Shape)
	if channelsLast {
		copy(p.Data(in.Name), slices.Repeat(x, batch))
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(p.Graph.Outputs))
	for i, o := range p.Graph.Outputs {
		out[i] = make([]float32, o.Shape.Elems())
		ToNCHW(out[i], p.Data(o.Name), o.Shape)
	}
	return out
}

func checkCase(t *testing.T, c opCase, g *graph.Graph, batch int) {
	t.Helper()
	got := outputs(t, g, ramp(tensor.Shape(c.Input).Elems()), batch, c.Name == "tensorflow_layout")
	for i, want := range c.Outputs {
		o := g.Outputs[i]
		if o.Name != want.Name || !slices.Equal(Outside(o.Shape), want.Shape) {
			t.Fatalf("output %s has shape %v, want %s %v", o.Name, Outside(o.Shape), want.Name, want.Shape)
		}
		values := slices.Repeat(want.Values, batch)
		scale := largest(values)
		for j, w := range values {
			if d := math.Abs(float64(got[i][j] - w)); !(d <= 1e-5*scale) {
				t.Fatalf("%s[%d] = %v, want %v\n%s", o.Name, j, got[i][j], w, g)
			}
		}
	}
}

func largest(v []float32) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(float64(x)))
	}
	return m
}

func TestOperatorCases(t *testing.T) {
	for _, c := range opCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			g, err := Import(filepath.Join(casesDir, c.Name+".onnx"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkCase(t, c, g, 1)
			checkCase(t, c, g, 3)
		})
	}
}

// TestExportImports holds that an exported case computes the same, and that exporting it again
// changes nothing.
func TestExportImports(t *testing.T) {
	for _, c := range opCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			g, err := Import(filepath.Join(casesDir, c.Name+".onnx"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			again := roundTrip(t, g)
			checkCase(t, c, again, 2)
			if a, b := structure(roundTrip(t, again)), structure(again); a != b {
				t.Errorf("second export differs:\n%s\nwant\n%s", a, b)
			}
		})
	}
}

// structure is the graph without names.
func structure(g *graph.Graph) string {
	var b strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%d %s %v", n.ID, graph.OpString(n.Op), n.Shape)
		for _, in := range n.In {
			fmt.Fprintf(&b, " %d", in.ID)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// roundTrip exports g and imports the bytes.
func roundTrip(t *testing.T, g *graph.Graph) *graph.Graph {
	t.Helper()
	m, err := Model(g)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = wire.Parse(b); err != nil {
		t.Fatal(err)
	}
	again, err := FromModel(m, ".", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// caseFiles are the bytes of all cases.
func caseFiles(t testing.TB) [][]byte {
	paths, err := filepath.Glob(filepath.Join(casesDir, "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var files [][]byte
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files
}
