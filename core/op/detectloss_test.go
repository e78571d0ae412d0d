package op

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// assigned fills rows for classes classes: a third is background. Edges of objects are whole numbers.
func assigned(classes int) func(int, *rand.Rand, []float32) {
	return func(_ int, rng *rand.Rand, v []float32) {
		for a := 0; a < len(v); a += AssignedWidth {
			x, y := float32(rng.IntN(4)), float32(rng.IntN(4))
			copy(v[a:], []float32{0.1 + 0.8*rng.Float32(), float32(rng.IntN(classes)), x, y, x + 1 + float32(rng.IntN(4)), y + 1 + float32(rng.IntN(4))})
			if rng.IntN(3) == 0 {
				copy(v[a:], []float32{0, -1, 0, 0, 0, 0})
			}
		}
	}
}

// halfway fills boxes whose edges lie half a pixel from every object's.
func halfway(_ int, rng *rand.Rand, v []float32) {
	for a := 0; a < len(v); a += 4 {
		x, y := float32(rng.IntN(6))+0.5, float32(rng.IntN(6))+0.5
		copy(v[a:], []float32{x, y, x + 1 + float32(rng.IntN(4)), y + 1 + float32(rng.IntN(4))})
	}
}

func TestDetectLosses(t *testing.T) {
	logits, boxes, rows, n := tensor.Shape{3, 20, 4}, tensor.Shape{3, 20, 4}, tensor.Shape{3, 20, AssignedWidth}, tensor.Shape{3}
	each := tensor.Shape{3, 20}
	held := gradOpts{fill: byInput(map[int]func(int, *rand.Rand, []float32){0: uniform(-3, 3), 1: assigned(4), 2: uniform(0.5, 2)}), noGrad: []int{1, 2}}
	edges := held
	edges.fill = byInput(map[int]func(int, *rand.Rand, []float32){0: halfway, 1: assigned(4), 2: uniform(0.5, 2)})
	testOps(t, []opCase{
		{"quality focal", QualityFocal{Beta: 2}, []tensor.Shape{logits, rows, n}, held},
		{"quality focal of 1.5", QualityFocal{Beta: 1.5}, []tensor.Shape{logits, rows, n}, held},
		{"binary cross-entropy", QualityFocal{}, []tensor.Shape{logits, rows, n}, held},
		{"detect margin", DetectMargin{}, []tensor.Shape{logits, rows, n}, held},
		{"boxes", BoxLoss{}, []tensor.Shape{boxes, rows, n}, edges},
		{"quality focal by anchors", QualityFocal{Beta: 2}, []tensor.Shape{logits, rows, each}, held},
		{"detect margin by anchors", DetectMargin{}, []tensor.Shape{logits, rows, each}, held},
		{"boxes by anchors", BoxLoss{}, []tensor.Shape{boxes, rows, each}, edges},
	})
}

// TestGoldenDetect holds the losses against PyTorch's autograd (tools/golden/detect_losses.py).
func TestGoldenDetect(t *testing.T) {
	golden := readNPZ(t, "testdata/detect.npz")
	for name, op := range map[string]graph.Grader{"quality_focal": QualityFocal{Beta: 2}, "bce": QualityFocal{}, "giou": BoxLoss{}} {
		t.Run(name, func(t *testing.T) {
			at := func(key string) value { return golden[name+"/"+key] }
			in := []value{at("x"), at("assigned"), at("weight")}
			g, n := oneNode(t, op.(graph.Op), in)
			wantClose(t, "y", runNode(t, op.(graph.Op), in...), at("y").v, 1e-5)
			dy := at("dy")
			dx := op.Grad(g, n, g.Leaf("dy", graph.Const, dy.shape, dy.v), []bool{true, false, false})
			wantClose(t, "dx", sameEverywhere(t, g).mem[dx[0].ID], at("dx").v, 1e-5)
		})
	}
}

// TestQualityFocalStable: logits far out give finite losses, a class with the quality asked none.
func TestQualityFocalStable(t *testing.T) {
	z := val(tensor.Shape{1, 2, 2}, 1000, -1000, 0, -1000)
	rows := val(tensor.Shape{1, 2, AssignedWidth}, 1, 0, 0, 0, 1, 1, 0.5, 0, 0, 0, 1, 1)
	y := runNode(t, QualityFocal{Beta: 2}, z, rows, val(tensor.Shape{1}, 1))
	wantClose(t, "loss of right answers", y, []float32{0}, 1e-6)
	z.v[0] = -1000
	wantClose(t, "loss of a wrong answer", runNode(t, QualityFocal{}, z, rows, val(tensor.Shape{1}, 1)), []float32{1000 + float32(math.Ln2)}, 1e-6)
}

// TestDetectMarginByHand: two anchors with an object beside four logits of no object.
func TestDetectMarginByHand(t *testing.T) {
	z := val(tensor.Shape{1, 3, 2}, 5, 1, 2, 4, -1, 0)
	rows := val(tensor.Shape{1, 3, AssignedWidth}, 0.2, 0, 0, 0, 1, 1, 0.9, 1, 0, 0, 1, 1, 0, -1, 0, 0, 0, 0)
	wantClose(t, "margin", runNode(t, DetectMargin{}, z, rows, val(tensor.Shape{1}, 1)), []float32{5 + 4 - 2*(1+2-1+0)/4.}, 1e-6)
	wantClose(t, "margin of the first anchor", runNode(t, DetectMargin{}, z, rows, val(tensor.Shape{1, 3}, 1, 0, 9)), []float32{5 - (1+2-1+0)/4.}, 1e-6)
}

// TestRegionStats: over the whole map they are ChannelStats; a region smaller than a pixel is that pixel; class -1 is none.
func TestRegionStats(t *testing.T) {
	a := value{tensor.Shape{1, 4, 6, 3}, make([]float32, 72)}
	uniform(-1, 1)(0, rand.New(rand.NewPCG(1, 1)), a.v)
	regions := val(tensor.Shape{1, 3, 5}, 0, 0, 0, 60, 40, 2, 11, 21, 12, 22, -1, 0, 0, 60, 40)
	got := runNode(t, RegionStats{Height: 40, Width: 60}, a, regions)
	wantClose(t, "whole", got[:12], runNode(t, ChannelStats{}, a), 1e-5)
	pixel := a.v[(2*6+1)*3:][:3]
	for j, v := range pixel {
		positive := float32(0)
		if v > 0 {
			positive = 1
		}
		wantClose(t, "one pixel", []float32{got[12+j], got[15+j], got[18+j], got[21+j]}, []float32{v, v, positive, 0}, 1e-6)
	}
	wantClose(t, "none", got[24:], make([]float32, 12), 0)
	checkRefuses(t, RegionStats{Height: 4, Width: 4}, a.shape, tensor.Shape{1, 3, 4})
	checkRefuses(t, RegionStats{Height: 4, Width: 4}, a.shape, tensor.Shape{2, 3, 5})
	checkRefuses(t, RegionStats{}, a.shape, tensor.Shape{1, 3, 5})
}

func TestBoxLossByHand(t *testing.T) {
	boxes := val(tensor.Shape{1, 4, 4}, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 1, 1, 5, 5, 6, 6)
	rows := val(tensor.Shape{1, 4, AssignedWidth},
		1, 0, 0, 0, 2, 2, // the same
		0.5, 1, 1, 0, 3, 2, // IoU 1/3, no gap in the hull
		1, 0, 2, 0, 3, 1, // apart: union 2, hull 3
		0, -1, 0, 0, 9, 9) // background
	y := runNode(t, BoxLoss{}, boxes, rows, val(tensor.Shape{1}, 2))
	wantClose(t, "loss", y, []float32{2 * (0 + 0.5*(1-1./3) + 1 - (-1. / 3))}, 1e-6)
	for _, c := range []struct {
		a, b []float32
		want float64
	}{{[]float32{0, 0, 2, 2}, []float32{1, 0, 3, 2}, 1. / 3}, {[]float32{0, 0, 1, 1}, []float32{2, 0, 3, 1}, 0}, {[]float32{0, 0, 0, 0}, []float32{0, 0, 0, 0}, 0}} {
		if got := IoU(c.a, c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("IoU of %v and %v is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestDetectLossShapeErrors(t *testing.T) {
	x, rows, n := tensor.Shape{2, 7, 4}, tensor.Shape{2, 7, AssignedWidth}, tensor.Shape{2}
	for _, op := range []graph.Op{QualityFocal{}, BoxLoss{}, DetectMargin{}} {
		checkRefuses(t, op, x, rows)
		checkRefuses(t, op, x, rows, tensor.Shape{3})
		checkRefuses(t, op, x, tensor.Shape{2, 7, 5}, n)
		checkRefuses(t, op, x, tensor.Shape{2, 8, AssignedWidth}, n)
		checkRefuses(t, op, tensor.Shape{2, 28}, rows, n)
	}
	checkRefuses(t, BoxLoss{}, tensor.Shape{2, 7, 3}, rows, n)
	checkRefuses(t, QualityFocal{}, x, rows, tensor.Shape{2, 6})
	checkRefuses(t, DetectMarginGrad{Classes: 4}, rows, n, tensor.Shape{3})
	checkRefuses(t, DetectMarginGrad{Classes: 4}, rows, n)
	checkRefuses(t, BoxLossGrad{}, x, rows, n)
	checkRefuses(t, QualityFocalGrad{}, x, rows, n)
}
