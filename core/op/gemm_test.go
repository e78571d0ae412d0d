package op

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// gemmSizes are N, K, O: few rows, many rows, single ones.
var gemmSizes = [][3]int{{1, 1, 1}, {1, 7, 5}, {3, 20, 4}, {5, 30, 100}, {16, 33, 9}, {65, 40, 70}, {100, 3, 2}, {9, 300, 200}}

func TestGemm(t *testing.T) {
	var cases []opCase
	for i, s := range gemmSizes {
		in := []tensor.Shape{{s[0], s[1]}, {s[2], s[1]}, {s[2]}}
		cases = append(cases, opCase{fmt.Sprint(s), Gemm{}, in[:2+i%2], gradOpts{}})
	}
	testOps(t, cases)
}

func TestGemmPlain(t *testing.T) {
	for _, s := range gemmSizes {
		in := randomIn([]tensor.Shape{{s[0], s[1]}, {s[2], s[1]}, {s[2]}}, gradOpts{})
		want := make([]float32, s[0]*s[2])
		for i := range want {
			n, o := i/s[2], i%s[2]
			sum := float64(in[2].v[o])
			for k := range s[1] {
				sum += float64(in[0].v[n*s[1]+k]) * float64(in[1].v[o*s[1]+k])
			}
			want[i] = float32(sum)
		}
		wantClose(t, fmt.Sprint(s), runNode(t, Gemm{}, in...), want, 1e-5)
	}
}

func TestGemmMACs(t *testing.T) {
	_, n := oneNode(t, Gemm{}, randomIn([]tensor.Shape{{3, 4}, {5, 4}}, gradOpts{}))
	if got := n.Op.(graph.Counter).MACs(n); got != 60 {
		t.Errorf("%d multiply-adds, want 60", got)
	}
}

func TestGemmShapeErrors(t *testing.T) {
	x, w := tensor.Shape{2, 4}, tensor.Shape{3, 4}
	checkRefuses(t, Gemm{}, x)
	checkRefuses(t, Gemm{}, x, tensor.Shape{3, 5})
	checkRefuses(t, Gemm{}, tensor.Shape{2, 1, 4}, w)
	checkRefuses(t, Gemm{}, x, w, tensor.Shape{4})
	checkRefuses(t, Gemm{}, x, w, tensor.Shape{3}, x)
	checkRefuses(t, GemmGradInput{}, x, w)
	checkRefuses(t, GemmGradWeight{}, x, w)
}
