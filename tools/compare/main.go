// Compare runs an ONNX model on golden input and prints how far its outputs are from the golden
// ones.
//
//	go run ./tools/compare MODEL.onnx golden.json
//
// golden.json names an input and outputs, each with its shape and a file of little-endian
// float32 beside it, in ONNX's order of axes. For each output the largest error is printed,
// divided by the largest absolute golden value. Exit 1 if one is above 1e-4, or on a failure;
// 2 on wrong usage.
package main

import (
	"fmt"
	"io"
	"os"
)

// limit is the error that a model may have.
const limit = 1e-4

const (
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: compare MODEL.onnx golden.json")
		return exitUsage
	}
	errors, err := compare(args[0], args[1])
	if err != nil {
		fmt.Fprintf(stderr, "compare: error: %v\n", err)
		return exitFailure
	}
	code := 0
	for _, e := range errors {
		fmt.Fprintf(stdout, "%s: largest error %.3g of the largest value\n", e.output, e.relative)
		if !(e.relative <= limit) {
			code = exitFailure
		}
	}
	return code
}
