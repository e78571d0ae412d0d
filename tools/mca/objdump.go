package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// instruction is one line of a disassembly. target is where a branch goes to, 0 for others.
type instruction struct {
	address, target uint64
	text            string
}

// tool is an LLVM tool by its name with or without the version of Debian's package.
func tool(name string) (string, error) {
	for _, n := range []string{name + "-19", name} {
		if path, err := exec.LookPath(n); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing: apt-get install llvm-19", name)
}

// build is the test binary of a package, in dir.
func build(goarch, pkg, dir string) (string, error) {
	path := filepath.Join(dir, goarch+".test")
	cmd := exec.Command("go", "test", "-c", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "GOARCH="+goarch, "GOOS=linux", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c %s for %s: %w\n%s", pkg, goarch, err, out)
	}
	return path, nil
}

// kernelSymbol is a kernel in assembly: op, F32, set, and what it is, as in gemmF32NEONTile8x8.
var kernelSymbol = regexp.MustCompile(`/kernels\.(\w+F32\w+)\.abi0$`)

// symbols is the kernels in the binary, from the short name to that of the linker.
func symbols(path string) (map[string]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	kernels := map[string]string{}
	for _, s := range all {
		if m := kernelSymbol.FindStringSubmatch(s.Name); m != nil && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			kernels[m[1]] = s.Name
		}
	}
	return kernels, nil
}

// disassemble is the instructions of every function in names, which is from short names to those
// of the linker.
func disassemble(path string, names map[string]string) (map[string][]instruction, error) {
	objdump, err := tool("llvm-objdump")
	if err != nil {
		return nil, err
	}
	var list []string
	short := map[string]string{}
	for s, name := range names {
		list = append(list, name)
		short["<"+name+">:"] = s
	}
	out, err := exec.Command(objdump, "-d", "--no-show-raw-insn", "--disassemble-symbols="+strings.Join(list, ","), path).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", objdump, err)
	}
	code, current := map[string][]instruction{}, ""
	for line := range bytes.Lines(out) {
		text := strings.TrimSpace(string(line))
		if _, name, ok := strings.Cut(text, " "); ok && short[name] != "" {
			current = short[name]
		} else if i, ok := parse(text); ok && current != "" {
			code[current] = append(code[current], i)
		}
	}
	return code, nil
}

var plainJump = regexp.MustCompile(`^(jmp|b) `)

var branchTarget = regexp.MustCompile(`0x([0-9a-f]+) <.*$`)

// parse reads "149210:   b.ne 0x149290 <name+0x80>".
func parse(line string) (i instruction, ok bool) {
	at, text, ok := strings.Cut(line, ":")
	address, err := strconv.ParseUint(at, 16, 64)
	if !ok || err != nil {
		return i, false
	}
	i = instruction{address: address, text: strings.Join(strings.Fields(text), " ")}
	i.text, _, _ = strings.Cut(i.text, " //")
	if m := branchTarget.FindStringSubmatch(i.text); m != nil {
		i.target, _ = strconv.ParseUint(m[1], 16, 64)
		i.text = strings.TrimSpace(i.text[:strings.Index(i.text, m[0])]) + " " + loopLabel
	}
	return i, true
}

// loopLabel is where branches go to in what llvm-mca reads: it takes every loop as repeated.
const loopLabel = "loop"

// innermost is the longest loop of a function that has no loop in it: from the target of a
// conditional backward branch to the branch. A plain jump back leaves a side path.
func innermost(code []instruction) (longest []instruction) {
	type span struct{ from, to int }
	var loops []span
	index := map[uint64]int{}
	for n, i := range code {
		index[i.address] = n
		if from, ok := index[i.target]; ok && i.target != 0 && !plainJump.MatchString(i.text) {
			loops = append(loops, span{from, n})
		}
	}
	for _, l := range loops {
		inner := true
		for _, other := range loops {
			inner = inner && (other == l || other.from < l.from || other.to > l.to)
		}
		if inner && l.to+1-l.from > len(longest) {
			longest = code[l.from : l.to+1]
		}
	}
	return longest
}
