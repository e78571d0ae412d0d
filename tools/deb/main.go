// Command deb packs the program for Debian and its kin: binary, units, accounts, manual and completion. It needs dpkg-deb and
// no root.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/pelletier/go-toml/v2"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

// scripts are the control file and what dpkg runs.
//
//go:embed scripts
var scripts embed.FS

// pack is a package under construction.
type pack struct {
	Arch, Version string
	KiB           int64 // installed
	root          string
}

func main() {
	arch := flag.String("arch", "", "amd64 or arm64")
	binary := flag.String("binary", "", "the program for that architecture")
	tool := flag.String("tool", "", "the program for this machine, which writes its completion")
	man := flag.String("man", "", "folder of the manual's pages")
	version := flag.String("version", "", "of the program")
	out := flag.String("o", "bin", "folder of the package")
	flag.Parse()
	if err := build(*arch, *binary, *tool, *man, debianVersion(*version), *out); err != nil {
		fmt.Fprintln(os.Stderr, "deb: error:", err)
		os.Exit(1)
	}
}

func build(arch, binary, tool, man, version, out string) error {
	root, err := os.MkdirTemp("", "secateur-deb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	p := &pack{Arch: arch, Version: version, root: root}
	for _, step := range []func() error{
		func() error { return p.copy(binary, "usr/bin/secateur", 0o755) },
		p.system,
		func() error { return p.manual(man) },
		func() error { return p.completion(tool) },
		p.documents,
		p.control,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return err
	}
	file := filepath.Join(out, fmt.Sprintf("secateur_%s_%s.deb", version, arch))
	cmd := exec.Command("dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, file)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("dpkg-deb: %w", err)
	}
	return nil
}

// debianVersion makes what git describes a version that dpkg can order: 0~ stands before any release.
func debianVersion(v string) string {
	v = regexp.MustCompile(`[^A-Za-z0-9.+~]+`).ReplaceAllString(strings.TrimPrefix(v, "v"), "+")
	if v == "" || v[0] < '0' || v[0] > '9' || !strings.Contains(v, ".") {
		v = "0~" + v
	}
	return v
}

func (p *pack) put(path string, mode fs.FileMode, text []byte) error {
	full := filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(full, text, mode); err != nil {
		return err
	}
	return os.Chmod(full, mode) // whatever the umask is
}

func (p *pack) copy(from, to string, mode fs.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return p.put(to, mode, b)
}

func (p *pack) compressed(path string, text []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return p.put(path+".gz", 0o644, b.Bytes())
}

// system is the units and accounts of a plain computer with the default configuration; configure apply puts the box's own
// into /etc, where they come first.
func (p *pack) system() error {
	cfg := firmwareconfig.Default()
	profile, err := firmwareconfig.ProfileOf("pc")
	if err != nil {
		return err
	}
	files, err := firmwareconfig.Render(firmwareconfig.Input{Config: &cfg, Profile: profile})
	if err != nil {
		return err
	}
	for _, f := range files {
		for from, to := range map[string]string{"etc/systemd/system/": "usr/lib/systemd/system/", "etc/sysusers.d/": "usr/lib/sysusers.d/", "etc/tmpfiles.d/": "usr/lib/tmpfiles.d/"} {
			if name, ok := strings.CutPrefix(f.Path, from); ok {
				if err := p.put(to+name, 0o644, []byte(f.Text)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *pack) manual(dir string) error {
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		return fmt.Errorf("no page of the manual in %q", dir)
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := p.compressed("usr/share/man/man1/"+filepath.Base(page), b); err != nil {
			return err
		}
	}
	return nil
}

func (p *pack) completion(tool string) error {
	for shell, path := range map[string]string{"bash": "usr/share/bash-completion/completions/secateur", "zsh": "usr/share/zsh/vendor-completions/_secateur",
		"fish": "usr/share/fish/vendor_completions.d/secateur.fish"} {
		text, err := exec.Command(tool, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("%s completion %s: %w", tool, shell, err)
		}
		if err := p.put(path, 0o644, text); err != nil {
			return err
		}
	}
	return nil
}

func (p *pack) documents() error {
	b, err := toml.Marshal(firmwareconfig.Default())
	if err != nil {
		return err
	}
	example := append([]byte("# /etc/secateur/config.toml: every setting with its default.\n"), b...)
	copyright, err := scripts.ReadFile("scripts/copyright")
	if err != nil {
		return err
	}
	return errors.Join(p.put("usr/share/doc/secateur/examples/config.toml", 0o644, example), p.put("usr/share/doc/secateur/copyright", 0o644, copyright),
		p.compressed("usr/share/doc/secateur/changelog", []byte(fmt.Sprintf("secateur (%s)\n\n  See CHANGELOG.md of the source.\n", p.Version))))
}

// control is dpkg's own files: description, scripts, checksums.
func (p *pack) control() error {
	var sums strings.Builder
	err := filepath.WalkDir(p.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(p.root, path)
		p.KiB += int64(len(b)+1023) / 1024
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(b), rel)
		return err
	})
	if err != nil {
		return err
	}
	for name, mode := range map[string]fs.FileMode{"control": 0o644, "postinst": 0o755, "prerm": 0o755, "postrm": 0o755} {
		t, err := template.ParseFS(scripts, "scripts/"+name)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		if err := p.put("DEBIAN/"+name, mode, b.Bytes()); err != nil {
			return err
		}
	}
	return p.put("DEBIAN/md5sums", 0o644, []byte(sums.String()))
}
