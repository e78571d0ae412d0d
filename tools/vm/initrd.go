package main

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/tools/internal/machine"
)

// wanted are the modules of the kernel that the tests use, with their parameters: a webcam with one
// buffer a frame, and one with several.
var wanted = []string{"configfs", "vivid n_devs=2 multiplanar=1,2 node_types=0x1,0x1 num_inputs=1,1 input_types=0x0,0x0"}

// initrd builds the file system: this program as its first process, modules in the order of loading,
// and the test binaries.
func (m vm) initrd(k kernel) error {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	a := machine.NewArchive(z)
	a.Base("dev", "proc", "sys", "tmp", "modules", "tests")
	if err := m.addModules(a, k); err != nil {
		return err
	}
	if err := m.addPrograms(a); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir, "initrd"), buf.Bytes(), 0o644)
}

func (m vm) addPrograms(a *machine.Archive) error {
	init := filepath.Join(m.dir, "init")
	if err := machine.GoBuild(m.arch, "build", "-o", init, "./tools/vm"); err != nil {
		return err
	}
	programs := map[string]string{"init": init}
	for _, p := range packages {
		file := filepath.Join(m.dir, path.Base(p)+".test")
		// Without inlining a pointer that must not leave its system call would show.
		if err := machine.GoBuild(m.arch, "test", "-c", "-gcflags=-l", "-o", file, p); err != nil {
			return err
		}
		programs["tests/"+filepath.Base(file)] = file
	}
	for name, file := range programs {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		a.File(name, b)
	}
	a.File("args", []byte(m.filter))
	return nil
}

func (m vm) addModules(a *machine.Archive, k kernel) error {
	l := loader{archive: a, files: map[string]string{}, done: map[string]bool{}}
	err := filepath.WalkDir(k.modules, func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".ko") {
			l.files[moduleName(p)] = p
		}
		return err
	})
	if err != nil {
		return err
	}
	all := wanted
	if k.gpioSim != "" {
		l.files[moduleName(k.gpioSim)] = k.gpioSim
		all = append(all[:len(all):len(all)], moduleName(k.gpioSim))
	}
	for _, w := range all {
		name, params, _ := strings.Cut(w, " ")
		if err := l.add(name, params); err != nil {
			return err
		}
	}
	a.File("modules/list", []byte(strings.Join(l.list, "\n")))
	return nil
}

// moduleName is how modules call each other.
func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".ko"), "-", "_")
}

// loader puts modules into an archive, each after those it needs.
type loader struct {
	archive *machine.Archive
	files   map[string]string
	done    map[string]bool
	list    []string // file and parameters
}

func (l *loader) add(name, params string) error {
	if l.done[name] {
		return nil
	}
	l.done[name] = true
	file, ok := l.files[name]
	if !ok {
		return fmt.Errorf("the kernel has no module %s", name)
	}
	needs, err := needs(file)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if err := l.add(n, ""); err != nil {
			return fmt.Errorf("%s needs: %w", name, err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l.archive.File("modules/"+name, b)
	l.list = append(l.list, strings.TrimSpace(name+" "+params))
	return nil
}

// needs are the modules that a module says it depends on.
func needs(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("%s: no module", file)
	}
	info, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []string
	for line := range strings.SplitSeq(string(info), "\x00") {
		if deps, ok := strings.CutPrefix(line, "depends="); ok && deps != "" {
			for d := range strings.SplitSeq(deps, ",") {
				all = append(all, moduleName(d))
			}
		}
	}
	return all, nil
}
