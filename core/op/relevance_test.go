package op

import (
	"math"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

func TestRelevanceOps(t *testing.T) {
	s, odd, big := tensor.Shape{2, 3, 3, 4}, tensor.Shape{3, 5}, tensor.Shape{2, 30, 41, 9}
	both := gradOpts{noGrad: []int{0, 1}}
	positive := gradOpts{fill: uniform(0.1, 1), noGrad: []int{0, 1}}
	doubled := tensor.Shape{2, 3, 3, 8}
	testOps(t, []opCase{
		{"quotient", Quotient{}, []tensor.Shape{big, big}, positive},
		{"quotient with eps", Quotient{Eps: 1e-3}, []tensor.Shape{s, s}, positive},
		{"quotient with a floor", Quotient{Floor: 0.5}, []tensor.Shape{big, big}, positive},
		{"portion", Portion{}, []tensor.Shape{odd, odd}, both},
		{"portion within bounds", Portion{Min: 0.1, Max: 0.5}, []tensor.Shape{odd, odd}, both},
		{"signs", Signs{}, []tensor.Shape{big}, gradOpts{noGrad: []int{0}}},
		{"signs of vectors", Signs{}, []tensor.Shape{odd}, gradOpts{noGrad: []int{0}}},
		{"signed portion", SignedPortion{}, []tensor.Shape{doubled, s}, both},
		{"shares", Shares{Of: 1}, []tensor.Shape{s, s, s}, gradOpts{noGrad: []int{0, 1, 2}}},
		{"shares by size", Shares{By: ShareSize}, []tensor.Shape{big, big, big}, gradOpts{noGrad: []int{0, 1, 2}}},
		{"Grad-CAM", GradCAM{}, []tensor.Shape{s, s}, both},
		{"Grad-CAM of vectors", GradCAM{}, []tensor.Shape{odd, odd}, both},
	})
}

func TestQuotient(t *testing.T) {
	v := func(x ...float32) value { return val(tensor.Shape{1, len(x)}, x...) }
	for _, c := range []struct {
		op         Quotient
		z, r, want []float32
	}{
		{Quotient{}, []float32{2, 0.5, 0}, []float32{1, 1, 0}, []float32{0.5, 2, 0}},
		{Quotient{Eps: 1}, []float32{1, -1, 0}, []float32{1, 1, 1}, []float32{0.5, -0.5, 1}},
		{Quotient{Floor: 0.1}, []float32{4, 0.1, -0.1}, []float32{1, 1, 1}, []float32{0.25, 0, 0}},
		{Quotient{Floor: 0.1}, []float32{0, 0}, []float32{1, 1}, []float32{0, 0}},
	} {
		wantClose(t, graph.OpString(c.op), runNode(t, c.op, v(c.z...), v(c.r...)), c.want, 1e-6)
	}
	if y := runNode(t, Quotient{}, v(0), v(1)); math.IsInf(float64(y[0]*1e6), 0) {
		t.Errorf("1/0 is %g, want a number that can be summed", y[0])
	}
}

func TestSigns(t *testing.T) {
	x := val(tensor.Shape{1, 2, 2}, 1, -2, -3, 4)
	wantClose(t, "signs", runNode(t, Signs{}, x), []float32{1, 0, 0, -2, 0, 4, -3, 0}, 0)
	c := val(tensor.Shape{1, 2, 4}, 1, 2, 3, 4, 5, 6, 7, 8)
	wantClose(t, "signed portion", runNode(t, SignedPortion{}, c, x), []float32{1, -8, -21, 24}, 0)
}

// TestPortionWithinBounds: the factor is clipped.
func TestPortionWithinBounds(t *testing.T) {
	v := func(x ...float32) value { return val(tensor.Shape{1, len(x)}, x...) }
	got := runNode(t, Portion{Min: 0.5, Max: 2}, v(1, -2, 3, 4), v(0, -7, 1, 5))
	wantClose(t, "portion", got, []float32{0.5, -1, 3, 8}, 0)
}

func TestShares(t *testing.T) {
	v := func(x ...float32) value { return val(tensor.Shape{4}, x...) }
	r, a, b := v(1, 1, 2, 2), v(1, -1, 0, 3), v(3, 3, 0, -1)
	wantClose(t, "positive", runNode(t, Shares{Of: 0}, r, a, b), []float32{0.25, 0, 0, 2}, 1e-6)
	wantClose(t, "size", runNode(t, Shares{Of: 1, By: ShareSize}, r, a, b), []float32{0.75, 0.75, 0, 0.5}, 1e-6)
	wantClose(t, "signed", runNode(t, Shares{Of: 1, By: ShareSigned, Eps: 1e-7}, r, a, b), []float32{0.75, 1.5, 0, -1}, 1e-6)
}

func TestGradCAM(t *testing.T) {
	a := val(tensor.Shape{1, 2, 1, 2}, 1, -1, 3, -3)
	da := val(tensor.Shape{1, 2, 1, 2}, 2, 1, 1, 1)
	wantClose(t, "Grad-CAM", runNode(t, GradCAM{}, a, da), []float32{3, -2}, 1e-6)
}

// TestRelevanceFused: a convolution that ends with a quotient or a portion does what both do apart.
func TestRelevanceFused(t *testing.T) {
	x, w, y := tensor.Shape{2, 5, 5, 4}, tensor.Shape{6, 1, 1, 4}, tensor.Shape{2, 5, 5, 6}
	for _, end := range []graph.Op{Quotient{}, Quotient{Eps: 1e-2}, Portion{}, Portion{Min: 0.2, Max: 0.5}} {
		both, ok := Fuse(Conv{}, end)
		if !ok {
			t.Fatalf("%s does not end a convolution", end.Kind())
		}
		in := randomIn([]tensor.Shape{x, w, y}, gradOpts{fill: uniform(0.1, 1)})
		z := runNode(t, Conv{}, in[0], in[1])
		want := runNode(t, end, value{y, z}, in[2])
		wantClose(t, end.Kind(), runNode(t, both, in...), want, 0)
	}
	if _, ok := Fuse(Conv{}, Quotient{Floor: 1}); ok {
		t.Error("a quotient that looks at the whole image first ends the pieces of a convolution")
	}
}

func TestRelevanceShapeErrors(t *testing.T) {
	s := tensor.Shape{2, 3}
	checkRefuses(t, Quotient{Eps: -1}, s, s)
	checkRefuses(t, Quotient{Eps: 1, Floor: 1}, s, s)
	checkRefuses(t, Quotient{}, s, tensor.Shape{3, 2})
	checkRefuses(t, Portion{}, s)
	checkRefuses(t, Signs{})
	checkRefuses(t, SignedPortion{}, s, s)
	checkRefuses(t, SignedPortion{}, s)
	checkRefuses(t, Shares{Of: 1}, s, s)
	checkRefuses(t, Shares{By: 3}, s, s)
	checkRefuses(t, Shares{By: ShareSigned}, s, s)
	checkRefuses(t, Shares{}, s, tensor.Shape{2, 2})
	checkRefuses(t, GradCAM{}, s)
}
