package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// golden is the content of a golden.json.
type golden struct {
	Input   entry
	Outputs []entry
	dir     string
}

// entry is one golden tensor in ONNX's order of axes.
type entry struct {
	Name  string
	Shape []int
	File  string
}

func readGolden(path string) (*golden, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g := &golden{dir: filepath.Dir(path)}
	if err := json.Unmarshal(b, g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(g.Outputs) == 0 {
		return nil, fmt.Errorf("%s: no outputs", path)
	}
	return g, nil
}

// load reads the values of a golden tensor.
func (g *golden) load(e entry) ([]float32, error) {
	path := filepath.Join(g.dir, e.File)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := tensor.Shape(e.Shape)
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	if len(b) != 4*s.Elems() {
		return nil, fmt.Errorf("%s: %d bytes, shape %v wants %d", path, len(b), s, 4*s.Elems())
	}
	v := make([]float32, s.Elems())
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// difference is the largest error of an output, relative to the largest golden value.
type difference struct {
	output   string
	relative float64
}

// compare runs the model on the golden input and holds each golden output against the model's.
func compare(model, goldenPath string) ([]difference, error) {
	g, err := onnx.Import(model, onnx.Options{})
	if err != nil {
		return nil, err
	}
	want, err := readGolden(goldenPath)
	if err != nil {
		return nil, err
	}
	got, err := infer(g, want)
	if err != nil {
		return nil, err
	}
	var out []difference
	for _, o := range want.Outputs {
		v, err := want.load(o)
		if err != nil {
			return nil, err
		}
		if len(got[o.Name]) != len(v) {
			return nil, fmt.Errorf("output %q has %d values, want %v", o.Name, len(got[o.Name]), o.Shape)
		}
		out = append(out, difference{o.Name, relativeError(got[o.Name], v)})
	}
	return out, nil
}

// infer returns the outputs of g by name, in ONNX's order of axes.
func infer(g *graph.Graph, want *golden) (map[string][]float32, error) {
	set, err := kernels.Default()
	if err != nil {
		return nil, err
	}
	pool := kernels.NewPool(0)
	defer pool.Close()
	p, err := plan.Compile(g, plan.Options{Env: graph.Env{Kernels: set, Pool: pool}, Fold: true})
	if err != nil {
		return nil, err
	}
	in := p.Graph.Node(want.Input.Name)
	if in == nil || !in.Is(graph.Input) || !slices.Equal(onnx.Outside(in.Shape), want.Input.Shape) {
		return nil, fmt.Errorf("model has no input %q of shape %v", want.Input.Name, want.Input.Shape)
	}
	x, err := want.load(want.Input)
	if err != nil {
		return nil, err
	}
	onnx.FromNCHW(p.Data(in.Name), x, in.Shape)
	if err := p.Run(); err != nil {
		return nil, err
	}
	out := map[string][]float32{}
	for _, o := range p.Graph.Outputs {
		out[o.Name] = make([]float32, o.Shape.Elems())
		onnx.ToNCHW(out[o.Name], p.Data(o.Name), o.Shape)
	}
	return out, nil
}

// relativeError is the largest |got-want| over the largest |want|; NaN counts as infinite.
func relativeError(got, want []float32) float64 {
	var worst, scale float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(float64(w)))
	}
	if worst == 0 {
		return 0
	}
	return worst / scale
}
