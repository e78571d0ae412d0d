// Command step trains a small network, convolution, batch normalization by the statistics of the
// batch, ReLU and a classifier, on 16×16 pictures, for a number of steps on one thread. It is what
// tools/count counts the instructions of.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

const (
	batch, side, channels, filters, classes = 4, 16, 16, 32, 8
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: step STEPS")
		os.Exit(2)
	}
	steps, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = train(steps)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "step: error:", err)
		os.Exit(1)
	}
}

func train(steps int) error {
	set, err := kernels.Default()
	if err != nil {
		return err
	}
	rule := optim.SGD(1e-4)
	p, err := plan.Compile(network(), plan.Options{
		Env:  graph.Env{Kernels: set, Pool: kernels.NewPool(1)},
		Loss: "loss", Wrt: []string{"conv.w", "bn.gamma", "bn.beta", "fc.w", "fc.b"}, Rule: &rule,
	})
	if err != nil {
		return err
	}
	for i, n := range p.Graph.Role(graph.Input) {
		ramp(p.Data(n.Name), i)
	}
	for range steps {
		if err := p.Run(); err != nil {
			return err
		}
	}
	return nil
}

func network() *graph.Graph {
	g := graph.New()
	leaf := func(name string, role graph.Role, s ...int) *graph.Node {
		v := tensor.Floats(tensor.Shape(s).Elems())
		ramp(v, len(name))
		return g.Leaf(name, role, s, v)
	}
	x := g.Leaf("x", graph.Input, tensor.Shape{batch, side, side, channels}, nil)
	y := g.Add("conv", op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, leaf("conv.w", graph.Param, filters, 3, 3, channels))
	mean := g.Add("bn.mean", op.BatchMean{}, y)
	variance := g.Add("bn.var", op.BatchVar{}, y, mean)
	y = g.Add("bn", op.BatchNormTrain{Eps: 1e-5}, y, leaf("bn.gamma", graph.Param, filters), leaf("bn.beta", graph.Param, filters), mean, variance)
	y = g.Add("gap", op.GlobalAveragePool{}, g.Add("relu", op.Relu{}, y))
	y = g.Add("flat", op.Reshape{Dims: []int{filters}}, y)
	y = g.Add("fc", op.Gemm{}, y, leaf("fc.w", graph.Param, classes, filters), leaf("fc.b", graph.Param, classes))
	g.Outputs = []*graph.Node{y}
	target := g.Leaf("target", graph.Input, tensor.Shape{batch, classes}, nil)
	weight := g.Leaf("weight", graph.Input, tensor.Shape{batch}, nil)
	g.Add("loss", op.Sum{}, g.Add("ce", op.SoftmaxCrossEntropy{}, y, target, weight))
	return g
}

// ramp fills v with small numbers of both signs.
func ramp(v []float32, seed int) {
	for i := range v {
		v[i] = float32((i*7+seed*13)%31-15) / 64
	}
}
