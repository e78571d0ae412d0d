// Command genasm writes the assembly of package kernels: one generator for both instruction
// sets, because a tile is the same loops with other registers. Run it from the root of the
// repository:
//
//	go run ./tools/genasm
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// files is everything that is generated, by its name in kernels.
func files() map[string]string {
	m := map[string]string{}
	for _, set := range append(hints(), avx2(), avx512(), neon(), neonInOrder()) {
		set.render(m)
	}
	m[neonHeader] = header(macros)
	return m
}

func main() {
	dir := flag.String("dir", "kernels", "folder to write to")
	flag.Parse()
	for name, text := range files() {
		if err := os.WriteFile(filepath.Join(*dir, name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "genasm: error:", err)
			os.Exit(1)
		}
	}
}
