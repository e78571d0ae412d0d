// Command vm runs tests against a real Linux kernel's devices: it boots Debian's kernel under
// qemu-system with the test binaries in an initial RAM file system, loads the kernel's test camera
// (vivid) and test GPIO chip (gpio-sim), runs every test whose name begins with TestVM and passes
// their output on. Run it from the root of the repository:
//
//	go run ./tools/vm -arch arm64
//
// It needs qemu-system of the architecture. The kernel is taken from Debian's packages by apt-get,
// without installing anything, and kept in the cache folder; gpio-sim, which Debian leaves out, is
// compiled from the kernel's source package, which needs gcc-12 (for another architecture
// gcc-12-aarch64-linux-gnu or gcc-12-x86-64-linux-gnu), make and xz.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// packages are those with tests for the machine.
var packages = []string{"./device/v4l2", "./device/camera", "./device/gpio", "./tools/secateur"}

// vm is what the command line asks for.
type vm struct {
	arch   string
	cache  string
	limit  time.Duration
	noSim  bool
	filter string
	dir    string // of this run
}

func main() {
	if os.Getpid() == 1 {
		guest()
	}
	m := vm{}
	flag.StringVar(&m.arch, "arch", runtime.GOARCH, "amd64 or arm64")
	flag.StringVar(&m.cache, "cache", "", "where kernels are kept (default secateur-vm in the user's cache folder)")
	flag.DurationVar(&m.limit, "limit", 10*time.Minute, "give up after this long")
	flag.BoolVar(&m.noSim, "no-gpio-sim", false, "leave gpio-sim and its tests out")
	flag.StringVar(&m.filter, "run", "TestVM", "the tests to run")
	flag.Parse()
	if err := m.test(); err != nil {
		fmt.Fprintln(os.Stderr, "vm: error:", err)
		os.Exit(1)
	}
}

// hardware is how an architecture is emulated.
type hardware struct {
	qemu, console string
	args          []string
}

var machines = map[string]hardware{
	"amd64": {"qemu-system-x86_64", "ttyS0", []string{"-M", "q35"}},
	"arm64": {"qemu-system-aarch64", "ttyAMA0", []string{"-M", "virt,gic-version=2"}},
}

// cpus are those that are emulated: the oldest that is supported, and all that QEMU knows.
var cpus = map[string]string{"amd64": "max", "arm64": "cortex-a72"}

func (m vm) test() (err error) {
	hw, ok := machines[m.arch]
	if !ok {
		return fmt.Errorf("architecture %q, want amd64 or arm64", m.arch)
	}
	if _, err := exec.LookPath(hw.qemu); err != nil {
		return fmt.Errorf("%s is missing: apt-get install qemu-system-x86 qemu-system-arm", hw.qemu)
	}
	if m.cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		m.cache = filepath.Join(user, "secateur-vm")
	}
	k, err := m.kernel()
	if err != nil {
		return err
	}
	if m.dir, err = os.MkdirTemp("", "vm"); err != nil {
		return err
	}
	defer os.RemoveAll(m.dir)
	if err := m.initrd(k); err != nil {
		return err
	}
	return m.boot(hw, k)
}

func say(format string, args ...any) {
	fmt.Printf("vm: "+format+"\n", args...)
}
