package main

import (
	"debug/elf"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// cpus are those that a step is counted on: one for each set of kernels.
var cpus = []string{"cortex-a53", "cortex-a76"}

// parts are what is counted by itself: packages by the beginning of their symbols.
var parts = []struct{ name, prefix string }{
	{"kernels", "github.com/secateur/secateur/kernels."},
	{"secateur", "github.com/secateur/secateur/"},
}

// counts are the instructions of a step in a part on a CPU, and the vector multiply-adds of them.
type counts struct {
	cpu, part string
	all, fma  int64
}

//go:embed plugin/count.c
var plugin []byte

// countAll builds the program and the plugin and counts a step on every CPU.
func countAll() (list []counts, err error) {
	dir, err := os.MkdirTemp("", "count")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	step, so := filepath.Join(dir, "step"), filepath.Join(dir, "count.so")
	if err := build(dir, step, so); err != nil {
		return nil, err
	}
	ranges, err := textOf(step)
	if err != nil {
		return nil, err
	}
	for _, cpu := range cpus {
		one, err := count(cpu, step, so, ranges, 1)
		if err != nil {
			return nil, err
		}
		three, err := count(cpu, step, so, ranges, 3)
		if err != nil {
			return nil, err
		}
		for i, c := range three {
			list = append(list, counts{cpu, parts[i].name, (c.all - one[i].all) / 2, (c.fma - one[i].fma) / 2})
		}
	}
	return list, nil
}

func build(dir, step, so string) error {
	source := filepath.Join(dir, "plugin.c")
	if err := os.WriteFile(source, plugin, 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"gcc", "-shared", "-fPIC", "-O2", "-o", so, source},
		{"go", "build", "-o", step, "github.com/secateur/secateur/tools/count/step"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// textOf is the addresses of every part as arguments of the plugin. The linker puts the functions
// of a package, and packages of one module, beside each other.
func textOf(path string) (ranges []string, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range parts {
		var from, to uint64
		for _, s := range symbols {
			if elf.ST_TYPE(s.Info) != elf.STT_FUNC || !strings.HasPrefix(s.Name, p.prefix) {
				continue
			}
			if from == 0 || s.Value < from {
				from = s.Value
			}
			to = max(to, s.Value+s.Size)
		}
		ranges = append(ranges, fmt.Sprintf("range=%x-%x", from, to))
	}
	return ranges, nil
}

var countLine = regexp.MustCompile(`(?m)^count (\d+) (\d+)$`)

// count is the instructions of a run of some steps, by part.
func count(cpu, step, so string, ranges []string, steps int) (list []counts, err error) {
	cmd := exec.Command("qemu-aarch64", "-cpu", cpu, "-plugin", so+","+strings.Join(ranges, ","), step, strconv.Itoa(steps))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "SECATEUR_KERNELS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("qemu-aarch64 -cpu %s: %w (Debian: apt-get install qemu-user)\n%s", cpu, err, out)
	}
	for _, m := range countLine.FindAllStringSubmatch(string(out), -1) {
		all, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return nil, err
		}
		fma, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, counts{all: all, fma: fma})
	}
	if len(list) != len(parts) {
		return nil, fmt.Errorf("qemu-aarch64 counted %d parts, want %d:\n%s", len(list), len(parts), out)
	}
	return list, nil
}

// render is the counts as text, a line each.
func render(list []counts) string {
	s := fmt.Sprintf("# Instructions of a training step of tools/count/step on arm64; go run ./tools/count -w kernels/testdata/count_arm64.txt\n%-12s %-10s %12s %12s\n", "# cpu", "part", "all", "fma")
	for _, c := range list {
		s += fmt.Sprintf("%-12s %-10s %12d %12d\n", c.cpu, c.part, c.all, c.fma)
	}
	return s
}

// compare is an error if a count is more than 1 % from the golden one, up or down: less is to be
// written down, or a later rise would pass.
func compare(list []counts, golden string) error {
	want := map[string]int64{}
	for line := range strings.Lines(golden) {
		f := strings.Fields(line)
		if len(f) != 4 || f[0] == "#" {
			continue
		}
		n, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return fmt.Errorf("golden counts: %w", err)
		}
		want[f[0]+" "+f[1]] = n
	}
	var off []string
	for _, c := range list {
		name := c.cpu + " " + c.part
		if w := want[name]; w == 0 || 100*abs(c.all-w) > w {
			off = append(off, fmt.Sprintf("%s: %d instructions, golden %d", name, c.all, w))
		}
	}
	if off != nil {
		return fmt.Errorf("more than 1 %% away: %s; if that is meant, run make count-arm64 GOLDEN=-w", strings.Join(off, "; "))
	}
	return nil
}

func abs(n int64) int64 { return max(n, -n) }
