// Command golden rewrites the golden files: tensors by independent calculations in Python
// (PyTorch, onnx, onnxruntime, Pillow, pycocotools), and golden text by the tests that own it.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

// scripts are run from the root of the repository. Those that need PyTorch want the python3 that
// Debian's python3-torch installs into.
var scripts = [][]string{
	{"/usr/bin/python3", "tools/golden/ops_heavy.py"},
	{"/usr/bin/python3", "tools/golden/ops_light.py"},
	{"python3", "tools/golden/detect_losses.py"},
	{"/usr/bin/python3", "tools/golden/optim.py"},
	{"/usr/bin/python3", "tools/golden/scores.py"},
	{"python3", "tools/golden/onnx_cases.py", "core/onnx/testdata/cases"},
	{"python3", "core/data/testdata/make_decode_golden.py"},
	{"python3", "core/data/testdata/make_resize_golden.py"},
	{"python3", "core/detect/testdata/make_ap_golden.py"},
	{"go", "test", "./core/plan", "./tools/secateur/report", "-update"},
}

func main() {
	failed := 0
	for _, s := range scripts {
		fmt.Println(s)
		c := exec.Command(s[0], s[1:]...)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "golden: %v: %v\n", s, err)
			failed++
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}
