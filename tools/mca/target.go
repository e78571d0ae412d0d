package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// target is an architecture and the processors that its loops are judged on.
type target struct {
	goarch string
	cpus   []cpu
}

// cpu is a processor. peak is the multiply-adds of vectors that it starts a cycle, and wide those of
// 512 bits; model is nil for those that llvm-mca is trusted with.
type cpu struct {
	name       string
	peak, wide float64
	ports      ports
	model      *inOrder
}

// targets are the processors with a scheduling model that was found right. cortex-a72 is that of
// LLVM for Cortex-A57 too; neoverse-n1 stands for Cortex-A76, which LLVM gives the model of
// Cortex-A57. For Cortex-A53 and A55 LLVM's models rank scheduled loops the wrong way round.
var targets = []target{
	{"arm64", []cpu{{"cortex-a72", 1, 0, ports{3, 1, 1}, nil}, {"neoverse-n1", 2, 0, ports{8, 2, 2}, nil},
		{"cortex-a53", 1, 0, ports{}, &cortexA53}, {"cortex-a55", 1, 0, ports{}, &cortexA55}}},
	{"amd64", []cpu{{"skylake-avx512", 2, 2, ports{4, 2, 1}, nil}, {"znver4", 2, 1, ports{6, 2, 1}, nil}}},
}

// row is the prediction for one kernel: cycles of a turn of its inner loop, by processor.
type row struct {
	kernel, digest     string
	instructions, fmas int
	wide               bool // vectors of 512 bits
	loop               []instruction
	cycles             []float64
}

func (t target) file() string { return "mca_" + t.goarch + ".txt" }

// predict is the table of the kernels of a package whose names contain one of parts, or of all. Loops
// that known has are not judged again by llvm-mca, which takes minutes for all of them.
func (t target) predict(pkg string, parts []string, known judged) ([]row, error) {
	dir, err := os.MkdirTemp("", "mca")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, err := build(t.goarch, pkg, dir)
	if err != nil {
		return nil, err
	}
	names, err := symbols(path)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(names, func(short, _ string) bool { return !contains(short, parts) })
	code, err := disassemble(path, names)
	if err != nil {
		return nil, err
	}
	rows := loops(code)
	return rows, t.judge(rows, known)
}

// loops is the innermost loops, by the names of their kernels.
func loops(code map[string][]instruction) (rows []row) {
	for name, c := range code {
		if loop := innermost(c); loop != nil {
			rows = append(rows, row{kernel: name, digest: digest(loop), instructions: len(loop), fmas: fmas(loop), wide: wide(loop), loop: loop})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.kernel, b.kernel) })
	return rows
}

// judge asks every processor for the cycles of every loop.
func (t target) judge(rows []row, known judged) error {
	for n, c := range t.cpus {
		cycles, err := c.cycles(t.goarch, n, rows, known)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].cycles = append(rows[i].cycles, math.Round(cycles[i]*100)/100)
		}
	}
	return nil
}

// cycles is those of a turn of every loop; n is the place of the processor in the table.
func (c cpu) cycles(goarch string, n int, rows []row, known judged) (cycles []float64, err error) {
	if c.model == nil {
		return known.mca(goarch, c.name, n, rows)
	}
	for _, r := range rows {
		n, err := c.model.cycles(r.loop)
		if err != nil {
			return nil, err
		}
		cycles = append(cycles, n)
	}
	return cycles, nil
}

// fmas is the number of multiply-adds of vectors.
func fmas(loop []instruction) (n int) {
	for _, i := range loop {
		op, _, _ := strings.Cut(i.text, " ")
		scalar := strings.HasSuffix(op, "ss") || strings.HasSuffix(op, "sd")
		if !scalar && (op == "fmla" || op == "fmls" || strings.HasPrefix(op, "vfmadd") || strings.HasPrefix(op, "vfnmadd")) {
			n++
		}
	}
	return n
}

func wide(loop []instruction) bool {
	return slices.ContainsFunc(loop, func(i instruction) bool { return strings.Contains(i.text, "%zmm") })
}

// share is the percentage of the processor's multiply-adds that the loop reaches.
func (t target) share(r row, cpu int) float64 {
	peak := t.cpus[cpu].peak
	if r.wide {
		peak = t.cpus[cpu].wide
	}
	return 100 * float64(r.fmas) / (r.cycles[cpu] * peak)
}

// render is the table as text: kernel, instructions and multiply-adds of a turn of its inner loop,
// and for each processor the cycles, the share of its peak, and how near the cycles are to the bound.
func (t target) render(rows []row) string {
	var s strings.Builder
	s.WriteString("# Predicted cycles of a turn of the innermost loop, % of the multiply-adds of the core, and % of what the loads, arithmetic and instructions of the turn allow; go run ./tools/mca -w kernels/testdata\n")
	fmt.Fprintf(&s, "%-40s %8s %6s %5s", "# "+t.goarch, "digest", "instr", "fma")
	for _, c := range t.cpus {
		name := c.name
		if c.model != nil {
			name += "(model)"
		}
		fmt.Fprintf(&s, " %17s %4s %5s", name, "%", "bound")
	}
	for _, r := range rows {
		fmt.Fprintf(&s, "\n%-40s %8s %6d %5d", r.kernel, r.digest, r.instructions, r.fmas)
		for i, c := range r.cycles {
			fmt.Fprintf(&s, " %17.2f %4.0f %5.0f", c, t.share(r, i), 100*t.cpus[i].bound(t.goarch, r)/c)
		}
	}
	return s.String() + "\n"
}

// readCycles is the cycles in a rendered table, by kernel, readShares the percentages of the peak.
func readCycles(text string) (map[string][]float64, error) { return readColumns(text, 4) }
func readShares(text string) (map[string][]float64, error) { return readColumns(text, 5) }

// readColumns is every third column from first on.
func readColumns(text string, first int) (map[string][]float64, error) {
	table := map[string][]float64{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		for i := first; i < len(f); i += 3 {
			c, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f[0], err)
			}
			table[f[0]] = append(table[f[0]], c)
		}
	}
	return table, nil
}
