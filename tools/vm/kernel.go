package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/secateur/secateur/tools/internal/machine"
)

// kernel is a kernel and its modules.
type kernel struct {
	image   string
	modules string // folder with .ko files
	gpioSim string // file, empty where it could not be built
}

// kernel finds a kernel in the cache, or fetches it.
func (m vm) kernel() (kernel, error) {
	dir := filepath.Join(m.cache, m.arch)
	done := filepath.Join(dir, "done")
	if _, err := os.Stat(done); err != nil {
		if err := m.fetch(dir); err != nil {
			return kernel{}, fmt.Errorf("fetch a kernel for %s: %w", m.arch, err)
		}
		if err := os.WriteFile(done, nil, 0o644); err != nil {
			return kernel{}, err
		}
	}
	k := kernel{image: only(dir, "root/boot/vmlinuz-*"), modules: only(dir, "root/lib/modules/*/kernel"), gpioSim: only(dir, "gpio-sim-vm.ko")}
	if k.image == "" || k.modules == "" {
		return k, fmt.Errorf("%s holds no kernel; remove it and try again", dir)
	}
	if m.noSim {
		k.gpioSim = ""
	}
	return k, nil
}

// only is the file below dir that a pattern names, empty if there is none.
func only(dir, pattern string) string {
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// apt asks Debian's archive about another architecture than this machine's, with a state of its own,
// so that nothing here changes.
type apt struct {
	dir     string
	options []string
}

func (m vm) apt(dir string) (*apt, error) {
	state, cache := filepath.Join(dir, "apt", "state"), filepath.Join(dir, "apt", "cache")
	for _, d := range []string{filepath.Join(state, "lists", "partial"), filepath.Join(cache, "archives", "partial")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	a := &apt{dir: dir, options: []string{"-qq", "-o", "APT::Architecture=" + m.arch, "-o", "APT::Architectures::=" + m.arch,
		"-o", "Dir::State=" + state, "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache=" + cache, "-o", "APT::Sandbox::User=root"}}
	return a, machine.Command("apt-get", append(a.options, "update")...)
}

// unpack downloads a package and unpacks it into root.
func (a *apt) unpack(root string, names ...string) error {
	for _, name := range names {
		cmd := exec.Command("apt-get", append(a.options, "download", name)...)
		cmd.Dir = a.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download %s: %w\n%s", name, err, out)
		}
		deb := only(a.dir, strings.TrimSuffix(name, ":all")+"_*.deb")
		if err := machine.Command("dpkg", "-x", deb, root); err != nil {
			return err
		}
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	return nil
}

// newest is the kernel package that Debian's meta package stands for.
func (a *apt) newest(arch string) (string, error) {
	out, err := exec.Command("apt-cache", append(a.options[1:], "depends", "linux-image-"+arch)...).Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends linux-image-%s: %w", arch, err)
	}
	name := regexp.MustCompile(`linux-image-[0-9]\S*`).FindString(string(out))
	if name == "" {
		return "", fmt.Errorf("linux-image-%s depends on no kernel", arch)
	}
	return name, nil
}

func (m vm) fetch(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	a, err := m.apt(dir)
	if err != nil {
		return err
	}
	name, err := a.newest(m.arch)
	if err != nil {
		return err
	}
	say("fetching %s into %s", name, dir)
	if err := a.unpack(filepath.Join(dir, "root"), name); err != nil {
		return err
	}
	if m.noSim {
		return nil
	}
	if err := m.buildGPIOSim(a, dir, strings.TrimPrefix(name, "linux-image-")); err != nil {
		return fmt.Errorf("build gpio-sim (-no-gpio-sim leaves its tests out): %w", err)
	}
	return nil
}

// simSources are the two files of the kernel that make gpio-sim, and the header that they share.
var simSources = []string{"drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c"}

// buildGPIOSim compiles gpio-sim and its interrupt simulator as one module for a kernel version.
func (m vm) buildGPIOSim(a *apt, dir, version string) error {
	src := filepath.Join(dir, "src")
	series := regexp.MustCompile(`^[0-9]+\.[0-9]+`).FindString(version)
	abi := strings.TrimSuffix(version, "-"+m.arch)
	if err := a.unpack(src, "linux-headers-"+version, "linux-headers-"+abi+"-common", "linux-source-"+series); err != nil {
		return err
	}
	host, err := vm{arch: runtime.GOARCH}.apt(filepath.Join(dir, "host")) // the kernel's build tools run here
	if err != nil {
		return err
	}
	if err := host.unpack(src, "linux-kbuild-"+series); err != nil {
		return err
	}
	if err := m.extractSim(src, series); err != nil {
		return err
	}
	headers := filepath.Join(src, "usr/src/linux-headers-"+version)
	if err := rewrite(filepath.Join(headers, "Makefile"), "/usr/src/", filepath.Join(src, "usr/src")+"/"); err != nil {
		return err
	}
	args := []string{"-C", headers, "M=" + filepath.Join(src, "sim"), "modules"}
	if m.arch != runtime.GOARCH {
		args = append(args, "CROSS_COMPILE="+map[string]string{"arm64": "aarch64-linux-gnu-", "amd64": "x86_64-linux-gnu-"}[m.arch])
	}
	if err := machine.Command("make", args...); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(src, "sim", "gpio-sim-vm.ko"), filepath.Join(dir, "gpio-sim-vm.ko")); err != nil {
		return err
	}
	return os.RemoveAll(src)
}

// extractSim takes the sources out of the archive. The kernel does not export the function by which
// the simulator calls the handler; one that does the same is exported.
func (m vm) extractSim(src, series string) error {
	sim := filepath.Join(src, "sim")
	if err := os.MkdirAll(sim, 0o755); err != nil {
		return err
	}
	args := []string{"-C", sim, "--strip-components=3", "--occurrence=1", "-xJf", filepath.Join(src, "usr/src/linux-source-"+series+".tar.xz")}
	for _, f := range simSources {
		args = append(args, "linux-source-"+series+"/"+f)
	}
	if err := machine.Command("tar", args...); err != nil {
		return err
	}
	if err := rewrite(filepath.Join(sim, "irq_sim.c"), "handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq(irqnum)"); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(sim, "Makefile"), []byte("obj-m := gpio-sim-vm.o\ngpio-sim-vm-objs := gpio-sim.o irq_sim.o\n"), 0o644)
}

// rewrite replaces text in a file, which must be there.
func rewrite(path, old, new string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s := strings.Replace(string(b), old, new, 1)
	if s == string(b) {
		return fmt.Errorf("%s does not contain %q", path, old)
	}
	return os.WriteFile(path, []byte(s), 0o644)
}
