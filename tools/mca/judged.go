package main

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// judged is the cycles of loops that llvm-mca has judged, by their digests and in the order of the processors.
type judged map[string][]float64

// readJudged is what a rendered table knows.
func readJudged(text string) (judged, error) {
	cycles, err := readCycles(text)
	known := judged{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && cycles[f[0]] != nil {
			known[f[1]] = cycles[f[0]]
		}
	}
	return known, err
}

// digest tells loops apart by their instructions.
func digest(loop []instruction) string {
	h := fnv.New32a()
	for _, i := range loop {
		fmt.Fprintln(h, i.text)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// mca is the cycles of a turn of every loop on processor n, of which llvm-mca judges those that are new.
func (known judged) mca(goarch, cpu string, n int, rows []row) ([]float64, error) {
	var fresh [][]instruction
	for _, r := range rows {
		if known[r.digest] == nil {
			fresh = append(fresh, r.loop)
		}
	}
	judgements, err := mca(goarch, cpu, fresh)
	if err != nil {
		return nil, err
	}
	var cycles []float64
	for _, r := range rows {
		if old := known[r.digest]; old != nil {
			cycles = append(cycles, old[n])
			continue
		}
		cycles, judgements = append(cycles, judgements[0]), judgements[1:]
	}
	return cycles, nil
}
