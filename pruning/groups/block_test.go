package groups_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// reasons are the blocks of a net by name: why they stay, "" where they may go.
func reasons(g *graph.Graph) map[string]string {
	list := map[string]string{}
	for _, b := range groups.Blocks(g) {
		list[b.Name] = b.Reason
	}
	return list
}

// TestBlocks: which sums are blocks that may go, and what keeps the others.
func TestBlocks(t *testing.T) {
	b, x := nets.New(1)
	x = b.Unit("stem", x, 4, 3, 1)
	first := b.Block("b1", x, 4, 1)
	second := b.Block("b2", first, 4, 1)
	add := func(name string, o graph.Op, in ...*graph.Node) *graph.Node { return b.Graph.Add(name, o, in...) }
	inner := b.Conv("c.a", second, 4, 3, 1, true)
	third := add("c.add", op.Add{}, inner, second)
	dense := add("cat", op.Concat{Axis: 3}, third, inner)
	wide := b.Conv("d.a", dense, 8, 1, 1, true)
	fourth := add("d.add", op.Add{}, dense, wide)
	joined := add("join", op.Concat{Axis: 3}, fourth, x)
	plain := add("e.add", op.Add{}, joined, b.Relu("e.a", joined)) // no weight in the branch
	b.PooledHead(plain)
	for name, want := range map[string]string{"b1.add": "", "b2.add": "", "c.add": "Concat cat reads", "d.add": "Concat join reads its sum", "e.add": "no identity skip"} {
		got, ok := reasons(b.Graph)[name]
		if !ok || want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r := reasons(nets.Residual(1))["b3.add"]; !strings.Contains(r, "no identity skip") {
		t.Errorf("a block of stride 2 may go: %q", r)
	}
	for name, r := range reasons(nets.Padded(1)) {
		if r == "" {
			t.Errorf("%s, whose skip subsamples and pads, may go", name)
		}
	}
	for _, block := range groups.Blocks(nets.Residual(1)) {
		if _, err := groups.Drop(nets.Residual(1), block, make([]float32, 3)); err == nil {
			t.Errorf("%s went, locked or with 3 means of %d channels", block.Name, block.Sum.Shape.Channels())
		}
	}
}

// gated is g with the block's branch silenced: 0·branch + constant.
func gated(t *testing.T, g *graph.Graph, b *groups.Block, constant []float32) *graph.Graph {
	t.Helper()
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		y, err := dst.Keep(n, in)
		if err != nil || n != b.Branch {
			return y, err
		}
		c := tensor.Shape{len(constant)}
		y = dst.Add("gate", op.Mul{}, y, dst.Leaf("gate.zero", graph.Const, c, make([]float32, len(constant))))
		return dst.Add("gated", op.Add{}, y, dst.Leaf("gate.mean", graph.Const, c, constant)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkDrop compares the gated network with the compact one, and that the cut took what only the branch had.
func checkDrop(t *testing.T, g *graph.Graph, b *groups.Block, rng *rand.Rand, x nets.Values) {
	t.Helper()
	constant := make([]float32, b.Sum.Shape.Channels())
	for i := range constant {
		constant[i] = rng.Float32() - .5
	}
	small, err := groups.Drop(g, b, constant)
	if err != nil {
		t.Fatal(err)
	}
	full, compact := nets.Run(t, gated(t, g, b, constant), x), nets.Run(t, small, x)
	for i, o := range g.Outputs {
		nets.Near(t, b.Name, compact[small.Outputs[i].Name], full[o.Name], 1e-5)
	}
	if small.MACs() >= g.MACs() || small.Params() >= g.Params() {
		t.Errorf("%s: %d of %d MACs, %d of %d parameters", b.Name, small.MACs(), g.MACs(), small.Params(), g.Params())
	}
	for _, n := range b.Inside {
		if small.Node(n.Name) != nil {
			t.Errorf("%s: %s is still there", b.Name, n.Name)
		}
	}
	before, after := nets.Structure(t, g), nets.Structure(t, small)
	whole := b.Whole(before)
	if len(whole) == 0 || len(after.Groups) != len(before.Groups)-len(whole) {
		t.Errorf("%s: %d groups became %d, of which %d lay in it", b.Name, len(before.Groups), len(after.Groups), len(whole))
	}
	for _, w := range whole {
		if after.Named(w.Name) != nil {
			t.Errorf("%s: group %s is still there", b.Name, w.Name)
		}
	}
}

func TestDrop(t *testing.T) {
	g := nets.Residual(1)
	rng := rand.New(rand.NewPCG(5, 5))
	for _, b := range groups.Blocks(g) {
		if !b.Locked {
			checkDrop(t, g, b, rng, nets.Images(1, 2))
		}
	}
	small, err := groups.Drop(g, groups.Blocks(g)[0], nil)
	if err != nil || small.Node("b1.add") != nil || small.Node("b1.relu").In[0].Name != "stem.relu" {
		t.Errorf("without a constant the skip alone is the sum; %v", err)
	}
	for _, b := range groups.Blocks(small) { // a second block of a network that lost one
		if !b.Locked {
			checkDrop(t, small, b, rng, nets.Images(1, 2))
		}
	}
}

// TestModelBlocks: 10 inverted residuals of MobileNet v2 have an identity skip, 7 of the 9 blocks of ResNet-20.
func TestModelBlocks(t *testing.T) {
	for file, want := range map[string][2]int{"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx": {10, 0},
		"model-resnet20-cifar10/resnet20_cifar10.onnx": {7, 2}, "model-squeezenet11/squeezenet1_1_224.onnx": {0, 0}} {
		g := model(t, file)
		free, locked := 0, 0
		var last *groups.Block
		for _, b := range groups.Blocks(g) {
			if b.Locked {
				locked++
				continue
			}
			free++
			last = b
		}
		if free != want[0] || locked != want[1] {
			t.Errorf("%s: %d blocks may go, %d are locked, want %v", file, free, locked, want)
		}
		if last == nil || testing.Short() {
			continue
		}
		rng := rand.New(rand.NewPCG(1, 2))
		in := g.Role(graph.Input)[0]
		x := tensor.Floats(in.Shape.Elems())
		for i := range x {
			x[i] = rng.Float32()*2 - 1
		}
		checkDrop(t, g, last, rng, nets.Values{in.Name: x})
	}
}
