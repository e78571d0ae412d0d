package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// image builds the test binary and a CD that boots it.
func (m machine) image(pkg string, args []string) error {
	if err := m.goBuild("test", "-c", "-o", m.path("kernels.test"), pkg); err != nil {
		return err
	}
	if err := m.goBuild("build", "-o", m.path("init"), "./tools/bochs"); err != nil {
		return err
	}
	for name, lines := range map[string][]string{"args": args, "env": settings()} {
		if err := os.WriteFile(m.path(name), []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			return err
		}
	}
	boot := m.path("cd", "boot", "grub")
	if err := os.MkdirAll(boot, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(boot, "grub.cfg"), []byte(grubConfig), 0o644); err != nil {
		return err
	}
	if err := copyFile(m.path("cd", "vmlinuz"), m.kernel); err != nil {
		return err
	}
	if err := m.initrd(m.path("cd", "initrd")); err != nil {
		return err
	}
	return command("grub-mkrescue", "-o", m.path("cd.iso"), m.path("cd"))
}

// grubConfig boots without asking. Linux refuses all vector registers if the size of their
// compacted save area is not what it expects, as in Bochs 2.7: xsaves and xsavec stay off. Mitigations,
// address randomisation and self-tests only cost time.
const grubConfig = `set timeout=0
linux /vmlinuz console=ttyS0 quiet nokaslr mitigations=off nosmp clearcpuid=xsaves,xsavec tsc=reliable audit=0 cryptomgr.notests random.trust_cpu=on panic=-1
initrd /initrd
boot
`

// settings is the variables of the environment that are ours.
func settings() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return !strings.HasPrefix(v, "SECATEUR_") })
}

func (m machine) path(parts ...string) string {
	return filepath.Join(append([]string{m.dir}, parts...)...)
}

func (m machine) goBuild(args ...string) error {
	return command("env", append([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "go"}, args...)...)
}

// command runs a program; what it says is part of the error.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func copyFile(dst, src string) error {
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644)
}

// initrd writes the initial RAM file system: a cpio archive in the format newc, compressed.
func (m machine) initrd(path string) error {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	a := archive{w: z}
	for _, dir := range []string{"dev", "proc", "tmp"} {
		a.add(dir, 0o040755, 0, 0, nil)
	}
	a.add("dev/console", 0o020600, 5, 1, nil)
	a.add("dev/null", 0o020666, 1, 3, nil)
	for _, name := range []string{"init", "kernels.test", "args", "env"} {
		data, err := os.ReadFile(m.path(name))
		if err != nil {
			return err
		}
		a.add(name, 0o100755, 0, 0, data)
	}
	a.add("TRAILER!!!", 0, 0, 0, nil)
	if a.err != nil {
		return a.err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

// archive is a cpio archive being written. Format: "initramfs buffer format" of the kernel's
// documentation.
type archive struct {
	w   io.Writer
	ino int
	err error
}

// add writes one entry; major and minor are the number of a device.
func (a *archive) add(name string, mode, major, minor int, data []byte) {
	a.ino++
	head := "070701"
	for _, v := range []int{a.ino, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name) + 1, 0} {
		head += fmt.Sprintf("%08x", v)
	}
	a.write([]byte(head + name + "\x00"))
	a.write(data)
}

// write pads what it writes to a multiple of four bytes.
func (a *archive) write(data []byte) {
	if a.err == nil {
		_, a.err = a.w.Write(append(data, make([]byte, -len(data)&3)...))
	}
}
