package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/secateur/secateur/tools/internal/machine"
)

// guest is the first process of the emulated machine. It runs the tests, says how they ended and
// waits for the emulator to be stopped.
func guest() {
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Println("bochs: no /proc:", err)
	}
	cmd := exec.Command("/kernels.test", lines("/args")...)
	cmd.Dir, cmd.Env = "/tmp", lines("/env")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	code := 0
	if err := cmd.Run(); err != nil {
		fmt.Println("bochs:", err)
		code = 1
	}
	machine.End(code)
}

// lines is the lines of a file.
func lines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Println("bochs:", err)
	}
	return strings.Fields(string(text))
}
