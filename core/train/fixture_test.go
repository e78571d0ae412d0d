package train

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// testEnv is the machine's kernels on two threads.
func testEnv(t testing.TB) graph.Env {
	t.Helper()
	set, err := kernels.Default()
	if err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(2)
	t.Cleanup(pool.Close)
	return graph.Env{Kernels: set, Pool: pool}
}

var threeClasses = []string{"a", "b", "c"}

// layers builds a small network layer by layer; weights are normal by the seed.
type layers struct {
	*graph.Graph
	x *graph.Node
}

func newLayers(side, channels int) *layers {
	g := graph.New()
	return &layers{g, g.Leaf("input", graph.Input, tensor.Shape{1, side, side, channels}, nil)}
}

func (l *layers) normal(name string, deviation float64, s ...int) *graph.Node {
	v := tensor.Floats(tensor.Shape(s).Elems())
	r := random.Stream(7, name, 0)
	for i := range v {
		v[i] = float32(deviation * r.NormFloat64())
	}
	return l.Leaf(name, graph.Param, s, v)
}

// conv is a 3×3 convolution with a bias.
func (l *layers) conv(name string, out, stride int) *layers {
	in := l.x.Shape.Channels()
	l.x = l.Add(name, op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, l.x,
		l.normal(name+".weight", math.Sqrt(2/float64(9*in)), out, 3, 3, in), l.normal(name+".bias", 0.1, out))
	return l
}

// norm is a batch normalization with odd statistics.
func (l *layers) norm(name string) *layers {
	c := l.x.Shape.Channels()
	vector := func(suffix string, role graph.Role, at, spread float64) *graph.Node {
		n := l.normal(name+suffix, spread, c)
		for i := range n.Value {
			n.Value[i] += float32(at)
		}
		n.Op = graph.Leaf{Role: role}
		return n
	}
	l.x = l.Add(name, op.BatchNormalization{Eps: 1e-5}, l.x, vector(".gamma", graph.Param, 1, 0.1), vector(".beta", graph.Param, 0, 0.1),
		vector(".mean", graph.State, 0, 0.2), vector(".var", graph.State, 2, 0.1))
	return l
}

func (l *layers) act(name string, o graph.Op) *layers {
	l.x = l.Add(name, o, l.x)
	return l
}

// vector pools to one vector an image.
func (l *layers) vector() *layers {
	l.x = l.Add("pool", op.GlobalAveragePool{}, l.x)
	l.x = l.Add("features", op.Reshape{Dims: []int{l.x.Shape.Channels()}}, l.x)
	return l
}

func (l *layers) linear(name string, out int) *layers {
	l.x = l.Add(name, op.Gemm{}, l.x, l.normal(name+".weight", 0.3, out, l.x.Shape.Channels()), l.normal(name+".bias", 0.1, out))
	return l
}

// model ends the network, with labels; pixels come as about -1 to 1.
func (l *layers) model(labels ...string) *graph.Graph {
	l.Outputs = []*graph.Node{l.x}
	l.SetLabels(labels)
	l.SetPreprocess(graph.Preprocess{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5}})
	return l.Graph
}

// smallNet is a network with batch normalization and a residual sum for pictures of 8×8.
func smallNet(labels ...string) *graph.Graph {
	l := newLayers(8, 3).conv("a", 16, 1).norm("a.bn").act("a.relu", op.Relu{})
	skip := l.x
	l.conv("b", 16, 1).act("b.relu", op.Relu{}).conv("c", 16, 1)
	l.x = l.Add("sum", op.Add{}, skip, l.x)
	return l.conv("d", 24, 2).act("d.relu", op.Relu{}).vector().linear("fc", len(labels)).model(labels...)
}

// pictures writes n pictures of each class, 8×8: class 0 is light at the top, 1 at the left, 2 in
// the middle, with as much noise as asked for.
func pictures(t testing.TB, dir string, n int, noise float64) []data.Sample {
	t.Helper()
	var list []data.Sample
	for class := range 3 {
		for i := range n {
			name := fmt.Sprintf("%s/%d-%02d.png", dir, class, i)
			r := random.Stream(3, filepath.Base(dir)+name[len(dir):], 0)
			list = append(list, picture(t, name, class, func(x, y int) color.RGBA {
				v := [3]float64{float64(7 - 2*y), float64(7 - 2*x), 4 - math.Abs(float64(2*x-7)) + 3 - math.Abs(float64(2*y-7))}[class]
				s := uint8(min(max(128+8*v+noise*r.NormFloat64(), 0), 255))
				return color.RGBA{s, 255 - s, s / 2, 255}
			}))
		}
	}
	return list
}

// plain is a picture of one colour.
func plain(t testing.TB, path string, class int, c color.RGBA) data.Sample {
	t.Helper()
	return picture(t, path, class, func(int, int) color.RGBA { return c })
}

func picture(t testing.TB, path string, class int, at func(x, y int) color.RGBA) data.Sample {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for y := range 8 {
		for x := range 8 {
			img.SetRGBA(x, y, at(x, y))
		}
	}
	f, err := os.Create(path)
	if err == nil {
		defer f.Close()
		err = png.Encode(f, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data.Sample{Path: path, Name: filepath.Base(path), Class: class}
}

// folder is a new folder of that name.
func folder(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// smallConfig adapts smallNet to 8 pictures a class, with 4 to watch and 4 to test on.
func smallConfig(t testing.TB) Config {
	t.Helper()
	c := Defaults()
	c.Model, c.Env = smallNet("x", "y"), testEnv(t)
	c.Data = &data.Splits{Classes: threeClasses, Train: pictures(t, folder(t, "train"), 8, 60), Val: pictures(t, folder(t, "val"), 4, 60),
		Test: pictures(t, folder(t, "test"), 4, 60)}
	c.HeadSteps, c.Epochs = 5, 3
	return c
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

// sharedData is the folder of a real model or data set, given by SECATEUR_TESTDATA.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("SECATEUR_TESTDATA")
	if root == "" {
		root = "../../../shared/data"
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no %s: set SECATEUR_TESTDATA to the folder of the real data sets", dir)
	}
	return dir
}
