// Command bochs runs the tests of a package on a CPU that this machine does not have: it boots a
// Linux kernel with nothing but the test binary in its initial RAM file system, under the Bochs
// emulator, which knows AVX-512. Run it from the root of the repository:
//
//	go run ./tools/bochs -kernel vmlinuz ./kernels -test.run Gemm
//
// It needs bochs and its BIOSes, grub-mkrescue with the modules for a PC's BIOS, xorriso, and a
// kernel for amd64 with a serial console and no need of modules, as Debian's linux-image-cloud-amd64.
// Variables SECATEUR_* of the environment are passed on. Booting takes one to two minutes.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bochs is what the command line asks for.
type bochs struct {
	cpu, kernel string
	limit       time.Duration
	dir         string // where the image and the logs are
}

func main() {
	if os.Getpid() == 1 {
		guest()
	}
	m := bochs{}
	flag.StringVar(&m.cpu, "cpu", "corei7_skylake_x", "a CPU model of bochs -help cpu")
	flag.StringVar(&m.kernel, "kernel", "", "the Linux kernel, a bzImage (default the newest readable /boot/vmlinuz-*)")
	flag.DurationVar(&m.limit, "limit", 2*time.Hour, "give up after this long")
	flag.Parse()
	if err := m.test(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bochs: error:", err)
		os.Exit(1)
	}
}

// test builds and runs the tests of package args[0] with the other arguments.
func (m bochs) test(args []string) (err error) {
	if len(args) == 0 {
		return fmt.Errorf("want a package and the arguments of its test binary")
	}
	if err := m.find(); err != nil {
		return err
	}
	if m.dir, err = os.MkdirTemp("", "bochs"); err != nil {
		return err
	}
	defer os.RemoveAll(m.dir)
	if err := m.image(args[0], args[1:]); err != nil {
		return err
	}
	return m.run()
}

// find looks for everything that is needed.
func (m *bochs) find() error {
	for program, pack := range map[string]string{"bochs": "bochs bochs-x bochsbios vgabios", "grub-mkrescue": "grub-common grub-pc-bin", "xorriso": "xorriso"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing: apt-get install %s", program, pack)
		}
	}
	if m.kernel == "" {
		installed, _ := filepath.Glob("/boot/vmlinuz-*")
		for _, k := range installed {
			m.kernel = k
		}
	}
	if f, err := os.Open(m.kernel); err != nil {
		return fmt.Errorf("no Linux kernel to boot: apt-get download linux-image-cloud-amd64 (the package it depends on), dpkg -x it and pass its vmlinuz with -kernel: %w", err)
	} else {
		return f.Close()
	}
}
