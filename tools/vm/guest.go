package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/secateur/secateur/tools/internal/machine"
	"golang.org/x/sys/unix"
)

// guest is the first process of the emulated machine. It makes the devices, runs the tests and says
// how they ended.
func guest() {
	code := 0
	for _, step := range []func() error{mounts, loadModules, runTests} {
		if err := step(); err != nil {
			fmt.Println("vm:", err)
			code = 1
			break
		}
	}
	machine.End(code)
}

// mounts mounts what the kernel offers. The file system for configuring gpio-sim is there once its
// module is loaded.
func mounts() error {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := syscall.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	return nil
}

func loadModules() error {
	list, err := os.ReadFile("/modules/list")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		name, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		image, err := os.ReadFile("/modules/" + name)
		if err != nil {
			return err
		}
		if err := unix.InitModule(image, params); err != nil {
			return fmt.Errorf("load %s %s: %w", name, params, err)
		}
	}
	if err := syscall.Mount("configfs", "/sys/kernel/config", "configfs", 0, ""); err != nil {
		return fmt.Errorf("mount configfs: %w", err)
	}
	return nil
}

func runTests() error {
	filter, err := os.ReadFile("/args")
	if err != nil {
		return err
	}
	tests, err := filepath.Glob("/tests/*.test")
	if err != nil {
		return err
	}
	failed := 0
	for _, t := range tests {
		fmt.Println("vm: ==", filepath.Base(t))
		cmd := exec.Command(t, "-test.run", string(filter), "-test.v")
		cmd.Dir, cmd.Env = "/tmp", append(os.Environ(), "SECATEUR_VM=1", "TMPDIR=/tmp")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Println("vm:", filepath.Base(t), err)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d test binaries failed", failed, len(tests))
	}
	return nil
}
