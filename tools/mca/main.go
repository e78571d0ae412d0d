// Command mca predicts how many cycles the inner loops of package kernels take on processors that
// are not at hand. It builds the tests of the package, disassembles the kernels, so that what is
// judged is the bytes that ship, finds the innermost loops by their backward branches and asks
// llvm-mca, and for in-order cores a model of our own. Operands are in the first-level cache.
//
//	go run ./tools/mca                     # the table of every kernel
//	go run ./tools/mca gemm                # of kernels whose name contains gemm
//	go run ./tools/mca -w kernels/testdata # rewrite the golden tables
//
// Of loops that the golden tables have, by a digest of their instructions, they take llvm-mca's word; -all asks
// again, as it must be after another LLVM.
//
// It needs llvm-objdump and llvm-mca (Debian: llvm-19).
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	dir := flag.String("w", "", "folder to write the golden tables to, instead of printing them")
	all := flag.Bool("all", false, "judge loops again that the golden tables have as they are")
	flag.Parse()
	if err := run(*dir, *all, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mca: error:", err)
		os.Exit(1)
	}
}

// golden is the folder of the tables that the tests compare with.
const golden = "kernels/testdata"

func run(dir string, all bool, parts []string) error {
	for _, t := range targets {
		known := judged{}
		if text, err := os.ReadFile(filepath.Join(golden, t.file())); err == nil && !all {
			if known, err = readJudged(string(text)); err != nil {
				return err
			}
		}
		rows, err := t.predict("./kernels", parts, known)
		if err != nil {
			return err
		}
		if dir == "" {
			fmt.Println(t.render(rows))
		} else if err := os.WriteFile(filepath.Join(dir, t.file()), []byte(t.render(rows)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func contains(s string, parts []string) bool {
	return len(parts) == 0 || slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}
