// Package toy is a small network, small pictures and a little more for the tests of training and scoring.
package toy

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

// Env is the machine's kernels on two threads.
func Env(t testing.TB) graph.Env {
	t.Helper()
	set, err := kernels.Default()
	if err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(2)
	t.Cleanup(pool.Close)
	return graph.Env{Kernels: set, Pool: pool}
}

// Classes are those of Pictures.
var Classes = []string{"a", "b", "c"}

// Layers builds a small network layer by layer; weights are normal by the seed.
type Layers struct {
	*graph.Graph
	X *graph.Node // the last layer
}

// New begins a network that reads one picture.
func New(side, channels int) *Layers {
	g := graph.New()
	return &Layers{g, g.Leaf("input", graph.Input, tensor.Shape{1, side, side, channels}, nil)}
}

func (l *Layers) normal(name string, deviation float64, s ...int) *graph.Node {
	v := tensor.Floats(tensor.Shape(s).Elems())
	r := random.Stream(7, name, 0)
	for i := range v {
		v[i] = float32(deviation * r.NormFloat64())
	}
	return l.Leaf(name, graph.Param, s, v)
}

// Conv is a 3×3 convolution with a bias.
func (l *Layers) Conv(name string, out, stride int) *Layers {
	in := l.X.Shape.Channels()
	l.X = l.Add(name, op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, l.X,
		l.normal(name+".weight", math.Sqrt(2/float64(9*in)), out, 3, 3, in), l.normal(name+".bias", 0.1, out))
	return l
}

// Norm is a batch normalization with odd statistics.
func (l *Layers) Norm(name string) *Layers {
	c := l.X.Shape.Channels()
	vector := func(suffix string, role graph.Role, at, spread float64) *graph.Node {
		n := l.normal(name+suffix, spread, c)
		for i := range n.Value {
			n.Value[i] += float32(at)
		}
		n.Op = graph.Leaf{Role: role}
		return n
	}
	l.X = l.Add(name, op.BatchNormalization{Eps: 1e-5}, l.X, vector(".gamma", graph.Param, 1, 0.1), vector(".beta", graph.Param, 0, 0.1),
		vector(".mean", graph.State, 0, 0.2), vector(".var", graph.State, 2, 0.1))
	return l
}

// Act is any op on the last layer alone.
func (l *Layers) Act(name string, o graph.Op) *Layers {
	l.X = l.Add(name, o, l.X)
	return l
}

// Vector pools to one vector an image.
func (l *Layers) Vector() *Layers {
	l.X = l.Add("pool", op.GlobalAveragePool{}, l.X)
	l.X = l.Add("features", op.Reshape{Dims: []int{l.X.Shape.Channels()}}, l.X)
	return l
}

// Linear is a fully connected layer.
func (l *Layers) Linear(name string, out int) *Layers {
	l.X = l.Add(name, op.Gemm{}, l.X, l.normal(name+".weight", 0.3, out, l.X.Shape.Channels()), l.normal(name+".bias", 0.1, out))
	return l
}

// Model ends the network, with labels; pixels come as about -1 to 1.
func (l *Layers) Model(labels ...string) *graph.Graph {
	l.Outputs = []*graph.Node{l.X}
	l.SetLabels(labels)
	l.SetPreprocess(graph.Preprocess{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5}})
	return l.Graph
}

// SmallNet is a network with batch normalization and a residual sum for pictures of 8×8.
func SmallNet(labels ...string) *graph.Graph {
	l := New(8, 3).Conv("a", 16, 1).Norm("a.bn").Act("a.relu", op.Relu{})
	skip := l.X
	l.Conv("b", 16, 1).Act("b.relu", op.Relu{}).Conv("c", 16, 1)
	l.X = l.Add("sum", op.Add{}, skip, l.X)
	return l.Conv("d", 24, 2).Act("d.relu", op.Relu{}).Vector().Linear("fc", len(labels)).Model(labels...)
}

// Backbone is a classifier for pictures of 32×32 with tensors of 8×8 and, of 9 channels, 4×4.
func Backbone() *graph.Graph {
	return New(32, 3).Conv("a", 8, 2).Act("a.relu", op.Relu{}).Conv("b", 12, 2).Act("b.relu", op.Relu{}).Conv("c", 9, 2).
		Act("c.relu", op.Relu{}).Vector().Linear("fc", 3).Model(Classes...)
}

// Pictures writes n pictures of each class, 8×8: class 0 is light at the top, 1 at the left, 2 in
// the middle, with as much noise as asked for.
func Pictures(t testing.TB, dir string, n int, noise float64) []data.Sample {
	t.Helper()
	var list []data.Sample
	for class := range 3 {
		for i := range n {
			name := fmt.Sprintf("%s/%d-%02d.png", dir, class, i)
			r := random.Stream(3, filepath.Base(dir)+name[len(dir):], 0)
			list = append(list, Picture(t, name, class, func(x, y int) color.RGBA {
				v := [3]float64{float64(7 - 2*y), float64(7 - 2*x), 4 - math.Abs(float64(2*x-7)) + 3 - math.Abs(float64(2*y-7))}[class]
				s := uint8(min(max(128+8*v+noise*r.NormFloat64(), 0), 255))
				return color.RGBA{s, 255 - s, s / 2, 255}
			}))
		}
	}
	return list
}

// Plain is a picture of one colour.
func Plain(t testing.TB, path string, class int, c color.RGBA) data.Sample {
	t.Helper()
	return Picture(t, path, class, func(int, int) color.RGBA { return c })
}

// Picture writes one picture, 8×8.
func Picture(t testing.TB, path string, class int, at func(x, y int) color.RGBA) data.Sample {
	t.Helper()
	return picture(t, path, 8, class, at)
}

// Squares writes n grey pictures, 32×32, with noise and in each one or two squares: class 0 is red, 1 is blue.
func Squares(t testing.TB, dir string, n int) []data.Sample {
	t.Helper()
	var list []data.Sample
	for i := range n {
		name := fmt.Sprintf("%s/%02d.png", dir, i)
		r := random.Stream(3, filepath.Base(dir)+name[len(dir):], 0)
		var boxes []data.Box
		for k := range 1 + r.IntN(2) { // one in each half
			side := 6 + r.IntN(8)
			x, y := 16*k+r.IntN(17-side), r.IntN(33-side)
			boxes = append(boxes, data.Box{Class: r.IntN(2), XMin: float32(x), YMin: float32(y), XMax: float32(x + side), YMax: float32(y + side)})
		}
		s := picture(t, name, 32, boxes[0].Class, func(x, y int) color.RGBA {
			v := uint8(110 + r.IntN(40))
			c := color.RGBA{v, v, v, 255}
			for _, b := range boxes {
				if fx, fy := float32(x), float32(y); b.XMin <= fx && fx < b.XMax && b.YMin <= fy && fy < b.YMax {
					c = color.RGBA{230 - 200*uint8(b.Class), v / 4, 30 + 200*uint8(b.Class), 255}
				}
			}
			return c
		})
		s.Boxes = boxes
		list = append(list, s)
	}
	return list
}

func picture(t testing.TB, path string, side, class int, at func(x, y int) color.RGBA) data.Sample {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
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

// Folder is a new folder of that name.
func Folder(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Near fails where got is further than tolerance from want.
func Near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

// SharedData is the folder of a real model or data set, given by SECATEUR_TESTDATA.
func SharedData(t testing.TB, name string) string {
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

// Moments is mean and biased variance of every c-th value from i on.
func Moments(v []float32, i, c int) (mean, variance float64) {
	n := float64(len(v) / c)
	for k := i; k < len(v); k += c {
		mean += float64(v[k]) / n
	}
	for k := i; k < len(v); k += c {
		d := float64(v[k]) - mean
		variance += d * d / n
	}
	return mean, variance
}
