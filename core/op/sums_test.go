package op

import (
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

func TestSums(t *testing.T) {
	s, long := tensor.Shape{2, 3, 3, 4}, tensor.Shape{50000}
	testOps(t, []opCase{
		{"sum", Sum{}, []tensor.Shape{s}, gradOpts{}},
		{"gate gradient", GateGrad{}, []tensor.Shape{s, s}, gradOpts{noGrad: []int{0, 1}}},
		{"gate gradient of vectors", GateGrad{}, []tensor.Shape{{3, 5}, {3, 5}}, gradOpts{noGrad: []int{0, 1}}},
		{"channel statistics", ChannelStats{}, []tensor.Shape{s}, gradOpts{noGrad: []int{0}}},
		{"norm", GradNorm{}, []tensor.Shape{s, long, {7}}, gradOpts{noGrad: []int{0, 1, 2}}},
	})
}

func TestAddN(t *testing.T) {
	for _, count := range []int{1, 2, 5} {
		for _, n := range []int{3, 70000} {
			in := randomIn(slices.Repeat([]tensor.Shape{{n}}, count), gradOpts{})
			want := make([]float32, n)
			for _, x := range in {
				for i, v := range x.v {
					want[i] += v
				}
			}
			wantClose(t, "sum", runNode(t, AddN{}, in...), want, 1e-6)
		}
	}
}

func TestGradNorm(t *testing.T) {
	y := runNode(t, GradNorm{}, val(tensor.Shape{2}, 3, 0), val(tensor.Shape{1, 1}, 4), val(tensor.Shape{1}, 12))
	if y[0] != 13 {
		t.Errorf("norm %g, want 13", y[0])
	}
	y = runNode(t, GradNorm{}, val(tensor.Shape{2}, 3e19, 4e19))
	wantClose(t, "norm of large numbers", y, []float32{5e19}, 1e-6)
}

func TestClipScale(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct{ limit, norm, want float32 }{
		{1, 0.5, 1}, {1, 0, 1}, {1, 4, 0.25}, {2, 4, 0.5}, {0, 1e9, 1}, {0, nan, 0}, {1, nan, 0}, {1, inf, 0}, {0, inf, 0},
	} {
		got := runNode(t, ClipScale{Limit: c.limit}, val(tensor.Shape{1}, c.norm))
		wantClose(t, graph.OpString(ClipScale{c.limit}), got, []float32{c.want}, 1e-5)
	}
}

func TestChannelStats(t *testing.T) {
	a := val(tensor.Shape{2, 2, 1, 2}, 1, -1, 3, -3, 5, 0, 5, 2)
	want := []float32{2, -2, 3, -1, 1, 0, 1, 1, 5, 1, 5, 2, 1, 0.5, 0, 1}
	wantClose(t, "statistics", runNode(t, ChannelStats{}, a), want, 1e-6)
}

func TestGateGrad(t *testing.T) {
	a := val(tensor.Shape{2, 2, 1, 2}, 1, -1, 3, -3, 5, 0, 5, 2)
	da := val(tensor.Shape{2, 2, 1, 2}, 2, 1, 1, 1, 0, 1, 1, 3)
	wantClose(t, "gate gradient", runNode(t, GateGrad{}, a, da), []float32{5, -4, 5, 6}, 1e-6)
}

func TestSumShapeErrors(t *testing.T) {
	checkRefuses(t, AddN{})
	checkRefuses(t, AddN{}, tensor.Shape{2}, tensor.Shape{3})
	checkRefuses(t, GradNorm{})
	checkRefuses(t, ClipScale{Limit: 1}, tensor.Shape{2})
	checkRefuses(t, ClipScale{Limit: -1}, tensor.Shape{1})
	checkRefuses(t, GateGrad{}, tensor.Shape{2, 3}, tensor.Shape{2, 4})
	checkRefuses(t, GateGrad{}, tensor.Shape{2}, tensor.Shape{2})
	checkRefuses(t, ChannelStats{}, tensor.Shape{2})
	checkRefuses(t, Sum{})
}
