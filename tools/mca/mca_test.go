package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGolden predicts the cycles of every loop that is not as it was. More than the golden table says is a
// regression; less, or a new kernel, only needs the table to be rewritten.
func TestGolden(t *testing.T) {
	for _, name := range []string{"llvm-objdump", "llvm-mca"} {
		if _, err := tool(name); err != nil {
			t.Skipf("skipped: %v", err)
		}
	}
	for _, target := range targets {
		t.Run(target.goarch, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("../../kernels/testdata", target.file()))
			if err != nil {
				t.Fatal(err)
			}
			want, err := readCycles(string(text))
			if err != nil {
				t.Fatal(err)
			}
			known, err := readJudged(string(text))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := target.predict("../../kernels", nil, known)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, target, rows, want)
		})
	}
}

func compare(t *testing.T, target target, rows []row, want map[string][]float64) {
	const rise = 1.005
	for _, r := range rows {
		old, ok := want[r.kernel]
		if !ok {
			t.Logf("%s is not in the golden table: go run ./tools/mca -w kernels/testdata", r.kernel)
			continue
		}
		for i, c := range r.cycles {
			if c > old[i]*rise {
				t.Errorf("%s on %s takes %.2f cycles a turn, was %.2f", r.kernel, target.cpus[i].name, c, old[i])
			}
		}
	}
}

// goals is what the product loops must reach, in % of the multiply-adds of the core.
var goals = []struct {
	kernel, cpu string
	share       float64
}{
	{"gemmF32NEONTile8x8", "cortex-a72", 98}, {"gemmF32NEONTile8x8", "neoverse-n1", 98},
	{"gemmTNF32NEONTile8x8", "cortex-a72", 98}, {"gemmTNF32NEONTile8x8", "neoverse-n1", 98},
	{"gemmLowF32NEONTile1x32", "neoverse-n1", 97}, {"gemmLowF32NEONTile2x16", "neoverse-n1", 98}, {"gemmLowF32NEONTile3x16", "neoverse-n1", 98},
	{"gemmLowF32NEONTile2x16", "cortex-a72", 98}, {"gemmLowF32NEONTile3x16", "cortex-a72", 98},
	{"gemmF32AVX2Tile6x16", "skylake-avx512", 97}, {"gemmF32AVX2Tile4x24", "skylake-avx512", 97},
	{"gemmF32AVX512Tile8x48", "skylake-avx512", 97}, {"gemmTNF32AVX512Tile8x48", "skylake-avx512", 97},
	{"gemmRowsF32AVX512Tile8x48", "skylake-avx512", 97},
	{"gemmRowsF32NEONTile8x8", "cortex-a72", 98}, {"gemmRowsF32NEONTile8x8", "neoverse-n1", 98},
	{"gemmF32NEONInOrderTile10x8", "cortex-a53", 80}, {"gemmF32NEONInOrderTile10x8", "cortex-a55", 80},
	{"gemmTNF32NEONInOrderTile12x8", "cortex-a53", 80}, {"gemmTNF32NEONInOrderTile12x8", "cortex-a55", 80},
	{"gemmRowsF32NEONInOrderTile10x8", "cortex-a53", 80}, {"gemmRowsF32NEONInOrderTile10x8", "cortex-a55", 80},
}

// TestGoals reads the golden tables, which TestGolden holds against the code.
func TestGoals(t *testing.T) {
	shares := map[string]float64{}
	for _, target := range targets {
		text, err := os.ReadFile(filepath.Join("../../kernels/testdata", target.file()))
		if err != nil {
			t.Fatal(err)
		}
		table, err := readShares(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for kernel, row := range table {
			for i, share := range row {
				shares[kernel+" on "+target.cpus[i].name] = share
			}
		}
	}
	for _, g := range goals {
		if at := g.kernel + " on " + g.cpu; !(shares[at] >= g.share) {
			t.Errorf("%s reaches %v %%, want %v", at, shares[at], g.share)
		}
	}
}
