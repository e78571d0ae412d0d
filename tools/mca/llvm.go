package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// turns is how often llvm-mca repeats a loop: the cycles to fill and drain the pipeline, some
// ten, are spread over them.
const turns = 400

var triples = map[string]string{"arm64": "aarch64", "amd64": "x86_64"}

var totalCycles = regexp.MustCompile(`Total Cycles:\s+(\d+)`)

// mca is the cycles of a turn of every loop by the scheduling model that LLVM has for a processor.
// Every loop is a region of one input.
func mca(goarch, cpu string, loops [][]instruction) (cycles []float64, err error) {
	if len(loops) == 0 {
		return nil, nil
	}
	path, err := tool("llvm-mca")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--mtriple="+triples[goarch], "--mcpu="+cpu, fmt.Sprintf("--iterations=%d", turns), "--instruction-info=false", "--resource-pressure=false")
	cmd.Stdin = strings.NewReader(regions(loops))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s --mcpu=%s: %w", path, cpu, err)
	}
	for _, m := range totalCycles.FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, err
		}
		cycles = append(cycles, n/turns)
	}
	if len(cycles) != len(loops) {
		return nil, fmt.Errorf("%s judged %d loops, want %d", path, len(cycles), len(loops))
	}
	return cycles, nil
}

// regions is the input of llvm-mca.
func regions(loops [][]instruction) string {
	var s strings.Builder
	for n, loop := range loops {
		fmt.Fprintf(&s, "# LLVM-MCA-BEGIN %d\n%s%d:\n", n, loopLabel, n)
		for _, i := range loop {
			text := i.text
			if i.target != 0 {
				text = strings.TrimSuffix(text, loopLabel) + fmt.Sprint(loopLabel, n)
			}
			fmt.Fprintf(&s, "\t%s\n", text)
		}
		s.WriteString("# LLVM-MCA-END\n")
	}
	return s.String()
}
