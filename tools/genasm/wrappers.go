package main

import (
	"embed"
	"math"
	"strings"
)

// wrapperFiles is the Go code around the assembly that differs between instruction sets in
// nothing but their name, for which it says ISA.
//
//go:embed wrappers
var wrapperFiles embed.FS

// wrappers is the Go code of one kind of kernel for an instruction set.
func wrappers(op, isa string) string {
	text, err := wrapperFiles.ReadFile("wrappers/" + op + ".txt")
	if err != nil {
		panic(err)
	}
	return "\n" + strings.ReplaceAll(string(text), "ISA", isa)
}

var minusInf = float32(math.Inf(-1))

// intLane is the constant whose bits are those of an integer.
func intLane(i uint32) float32 { return math.Float32frombits(i) }
