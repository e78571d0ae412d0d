// Command count counts the instructions of a training step of a small network on arm64, under
// QEMU: a measure of work that is the same on every machine and in every run. A step is the
// difference of a run of three steps and one of one. It needs qemu-aarch64 with plugins, which
// Debian's qemu-user has and its qemu-user-static has not, and gcc for the plugin.
//
//	go run ./tools/count                                      # the counts
//	go run ./tools/count -w kernels/testdata/count_arm64.txt  # rewrite the golden counts
//	go run ./tools/count -c kernels/testdata/count_arm64.txt  # compare with them, within 1 %
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	write := flag.String("w", "", "golden file to write")
	check := flag.String("c", "", "golden file to compare with")
	flag.Parse()
	if err := run(*write, *check); err != nil {
		fmt.Fprintln(os.Stderr, "count: error:", err)
		os.Exit(1)
	}
}

func run(write, check string) error {
	got, err := countAll()
	if err != nil {
		return err
	}
	text := render(got)
	fmt.Print(text)
	if write != "" {
		return os.WriteFile(write, []byte(text), 0o644)
	}
	if check == "" {
		return nil
	}
	golden, err := os.ReadFile(check)
	if err != nil {
		return err
	}
	return compare(got, string(golden))
}
