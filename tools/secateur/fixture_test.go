package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// TestMain lets scripts and the kill test run this binary as secateur.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"secateur": main, "-secateur": main})
}

// suite removes the fixtures at the end.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	defer func() {
		if dir := fixtureDir; dir != "" {
			os.RemoveAll(dir)
		}
	}()
	return s.m.Run()
}

var fixtureDir string

// fixtures is a folder that all tests read:
//
//	line/{train,test}/{bolt,nut,washer}/*.png   30 and 18 pictures of 20×20
//	flat/{bolt,nut,washer}/*.png                the 30 alone
//	watched/{train,val,test}/…                  30, 12 and 18, for early stopping
//	tiny.onnx, tiny.secateur                    a network of other classes
//	line.secateur                               a network of those three classes, untrained
//	bare.onnx                                   tiny without labels and preprocessing
//	squares.secateur                            a detector of red and blue squares
//	board/{a,b,c,d,e}.png                       64×64 with squares of 16: red upper left, red lower right, blue upper
//	                                            left, none, pale red upper left
//	board/boxes.csv                             where they are
var fixtures = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "secateur-test-")
	must(err)
	fixtureDir = dir
	writePictures(filepath.Join(dir, "line", "train"), 10, 1)
	writePictures(filepath.Join(dir, "line", "test"), 6, 2)
	writePictures(filepath.Join(dir, "flat"), 10, 1)
	for i, part := range []struct {
		name string
		n    int
	}{{"train", 10}, {"test", 6}, {"val", 4}} {
		writePictures(filepath.Join(dir, "watched", part.name), part.n, uint64(1+i))
	}
	tiny := tinyNet([]string{"ash", "beech", "elm", "oak"})
	must(onnx.Export(tiny, filepath.Join(dir, "tiny.onnx")))
	must(checkpoint.SaveModel(filepath.Join(dir, "tiny.secateur"), tiny))
	must(checkpoint.SaveModel(filepath.Join(dir, "line.secateur"), tinyNet(lineClasses)))
	bare := tinyNet(lineClasses)
	clear(bare.Meta)
	must(onnx.Export(bare, filepath.Join(dir, "bare.onnx")))
	must(checkpoint.SaveModel(filepath.Join(dir, "squares.secateur"), squareFinder()))
	writeBoard(filepath.Join(dir, "board"))
	return dir
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var lineClasses = []string{"bolt", "nut", "washer"}

// writePictures makes n pictures of each class in dir/CLASS: stripes along x, stripes along y, and
// a ring, of random phase and colour, with noise.
func writePictures(dir string, n int, seed uint64) {
	for c, name := range lineClasses {
		folder := filepath.Join(dir, name)
		must(os.MkdirAll(folder, 0o755))
		for i := range n {
			writePicture(filepath.Join(folder, fmt.Sprintf("%s%02d.png", name, i)), c, seed)
		}
	}
}

func writePicture(path string, class int, seed uint64) {
	const side = 20
	r := random.Stream(seed, filepath.Base(path), 0)
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	phase, gain := 6*r.Float64(), 60+40*r.Float64()
	for y := range side {
		for x := range side {
			v := [3]float64{float64(x), float64(y), math.Hypot(float64(x-side/2), float64(y-side/2))}[class]
			shade := func() uint8 { return uint8(128 + gain*math.Sin(1.4*v+phase) + 20*r.Float64()) }
			img.Set(x, y, color.RGBA{shade(), shade(), shade(), 255})
		}
	}
	writePNG(path, img)
}

// tinyNet is an untrained network for pictures of 16×16: a stem with batch normalization, a
// residual block, a wider layer and a linear head. Weights are He-normal.
func tinyNet(classes []string) *graph.Graph {
	g := graph.New()
	x := g.Leaf("input", graph.Input, tensor.Shape{1, 16, 16, 3}, nil)
	x = g.Add("stem.bn", op.BatchNormalization{Eps: 1e-5}, conv(g, "stem", x, 32, 2), vector(g, "stem.gamma", graph.Param, 32, 1),
		vector(g, "stem.beta", graph.Param, 32, 0), vector(g, "stem.mean", graph.State, 32, 0), vector(g, "stem.var", graph.State, 32, 1))
	x = g.Add("stem.relu", op.Relu{}, x)
	y := g.Add("block.relu", op.Relu{}, conv(g, "block.a", x, 32, 1))
	x = g.Add("block.add", op.Add{}, x, conv(g, "block.b", y, 32, 1))
	x = g.Add("wide.relu", op.Relu{}, conv(g, "wide", x, 48, 2))
	x = g.Add("pool", op.GlobalAveragePool{}, x)
	x = g.Add("features", op.Reshape{Dims: []int{48}}, x)
	n := len(classes)
	g.Outputs = []*graph.Node{g.Add("scores", op.Gemm{}, x, normal(g, "fc.weight", tensor.Shape{n, 48}, 0.1),
		vector(g, "fc.bias", graph.Param, n, 0))}
	g.SetLabels(classes)
	g.SetPreprocess(graph.Preprocess{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{64, 64, 64}})
	return g
}

func conv(g *graph.Graph, name string, x *graph.Node, out, stride int) *graph.Node {
	in := x.Shape.Channels()
	w := normal(g, name+".weight", tensor.Shape{out, 3, 3, in}, math.Sqrt(2/float64(9*in)))
	return g.Add(name, op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, x, w, vector(g, name+".bias", graph.Param, out, 0))
}

func normal(g *graph.Graph, name string, s tensor.Shape, deviation float64) *graph.Node {
	v := tensor.Floats(s.Elems())
	r := random.Stream(1, name, 0)
	for i := range v {
		v[i] = float32(deviation * r.NormFloat64())
	}
	return g.Leaf(name, graph.Param, s, v)
}

func vector(g *graph.Graph, name string, role graph.Role, n int, fill float32) *graph.Node {
	v := tensor.Floats(n)
	for i := range v {
		v[i] = fill
	}
	return g.Leaf(name, role, tensor.Shape{n}, v)
}

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// secateur runs the program inside the test.
func secateur(ctx context.Context, args ...string) outcome {
	var out, talk buffer
	code := run(ctx, args, &out, &talk)
	return outcome{code, out.String(), talk.String()}
}
