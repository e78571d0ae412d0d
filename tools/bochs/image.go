package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/tools/internal/machine"
)

// image builds the test binary and a CD that boots it.
func (m bochs) image(pkg string, args []string) error {
	if err := machine.GoBuild("amd64", "test", "-c", "-o", m.path("kernels.test"), pkg); err != nil {
		return err
	}
	if err := machine.GoBuild("amd64", "build", "-o", m.path("init"), "./tools/bochs"); err != nil {
		return err
	}
	for name, lines := range map[string][]string{"args": args, "env": machine.Settings()} {
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
	if err := machine.CopyFile(m.path("cd", "vmlinuz"), m.kernel); err != nil {
		return err
	}
	if err := m.initrd(m.path("cd", "initrd")); err != nil {
		return err
	}
	return machine.Command("grub-mkrescue", "-o", m.path("cd.iso"), m.path("cd"))
}

// grubConfig boots without asking. Linux refuses all vector registers if the size of their
// compacted save area is not what it expects, as in Bochs 2.7: xsaves and xsavec stay off. Mitigations,
// address randomisation and self-tests only cost time.
const grubConfig = `set timeout=0
linux /vmlinuz console=ttyS0 quiet nokaslr mitigations=off nosmp clearcpuid=xsaves,xsavec tsc=reliable audit=0 cryptomgr.notests random.trust_cpu=on panic=-1
initrd /initrd
boot
`

func (m bochs) path(parts ...string) string {
	return filepath.Join(append([]string{m.dir}, parts...)...)
}

// initrd writes the initial RAM file system: a cpio archive in the format newc, compressed.
func (m bochs) initrd(path string) error {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	a := machine.NewArchive(z)
	a.Base("dev", "proc", "tmp")
	for _, name := range []string{"init", "kernels.test", "args", "env"} {
		data, err := os.ReadFile(m.path(name))
		if err != nil {
			return err
		}
		a.File(name, data)
	}
	if err := a.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}
