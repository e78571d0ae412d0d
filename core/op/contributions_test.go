package op

import (
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/tensor"
)

func TestContributionsCases(t *testing.T) {
	testOps(t, []opCase{
		{"contributions", Contributions{Conv{Pads: [4]int{1, 1, 1, 1}}}, []tensor.Shape{{2, 4, 5, 3}, {6, 3, 3, 3}, {2, 4, 3}}, gradOpts{noGrad: []int{0, 1, 2}}},
		{"contributions to a Gemm", Contributions{}, []tensor.Shape{{3, 5}, {4, 5}, {3, 2, 3}}, gradOpts{noGrad: []int{0, 1, 2}}},
	})
	x, w, picks := tensor.Shape{2, 4, 5, 4}, tensor.Shape{6, 3, 3, 2}, tensor.Shape{2, 7, 3}
	checkRefuses(t, Contributions{Conv{Groups: 2}}, x, w, picks)
	checkRefuses(t, Contributions{}, x, w, picks)
	checkRefuses(t, Contributions{}, x, tensor.Shape{6, 3, 3, 4}, tensor.Shape{1, 7, 3})
	checkRefuses(t, Contributions{}, x, tensor.Shape{6, 3, 3, 4})
}

// TestContributions: over the channels they sum to the output.
func TestContributions(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	conv := Conv{Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pads: [4]int{1, 2, 0, 1}}
	for _, c := range []struct{ x, w tensor.Shape }{
		{tensor.Shape{2, 7, 6, 5}, tensor.Shape{4, 3, 2, 5}}, {tensor.Shape{2, 5}, tensor.Shape{4, 5}},
	} {
		in := randomIn([]tensor.Shape{c.x, c.w}, gradOpts{})
		out, y := tensor.Shape{2, 1, 1, 4}, []float32(nil)
		if len(c.x) == 4 {
			out, _ = conv.Infer([]tensor.Shape{c.x, c.w})
			y = runNode(t, conv, in...)
		} else {
			y = runNode(t, Gemm{}, in...)
		}
		const k = 9
		picks, want := val(tensor.Shape{2, k, 3}), []float32(nil)
		for n := range 2 {
			for range k {
				o, i, j := rng.IntN(out[3]), rng.IntN(out[1]), rng.IntN(out[2])
				picks.v = append(picks.v, float32(o), float32(i), float32(j))
				want = append(want, y[((n*out[1]+i)*out[2]+j)*out[3]+o])
			}
		}
		rows := runNode(t, Contributions{conv}, in[0], in[1], picks)
		got := make([]float32, 2*k)
		for i, v := range rows {
			got[i/5] += v
		}
		wantClose(t, "sum over channels", got, want, 1e-5)
	}
}
