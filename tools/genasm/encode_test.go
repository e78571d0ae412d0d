package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestMacros assembles every macro with several registers, disassembles the words and compares
// with the comment of the macro.
func TestMacros(t *testing.T) {
	mc := disassembler(t)
	source := "#include \"neon_arm64.h\"\nTEXT ·f(SB), 4, $0-0\n"
	var want []string
	for _, m := range macros {
		for i := range 32 {
			call, text := m.sample(map[string]int{"m": i, "n": (i + 7) % 32, "d": (i*3 + 1) % 32, "i": i % 4})
			source += call + "\n"
			want = append(want, strings.NewReplacer("[x31", "[sp", "x31]", "xzr]").Replace(text))
		}
	}
	got := disassemble(t, mc, assemble(t, source+"\tRET\n"))
	if len(got) != len(want) {
		t.Fatalf("%d instructions disassembled, want %d", len(got), len(want))
	}
	for i, line := range got {
		if line != want[i] {
			t.Errorf("instruction %d is %q, its comment says %q", i, line, want[i])
		}
	}
}

// sample is a use of the macro and what a disassembler writes for it.
func (m macro) sample(args map[string]int) (call, text string) {
	var list []string
	text = m.text
	for _, name := range m.args() {
		list = append(list, fmt.Sprint(args[name]))
		text = strings.ReplaceAll(text, "{"+name+"}", fmt.Sprint(args[name]))
	}
	return "\t" + m.name + "(" + strings.Join(list, ", ") + ")", text
}

func disassembler(t *testing.T) string {
	for _, name := range []string{"llvm-mc-19", "llvm-mc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("skipped: no llvm-mc to disassemble with")
	return ""
}

// assemble is the words that the assembler of Go writes for source.
func assemble(t *testing.T, source string) (words []uint32) {
	dir := t.TempDir()
	path := filepath.Join(dir, "macros.s")
	for name, text := range map[string]string{path: source, filepath.Join(dir, neonHeader): header(macros)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "tool", "asm", "-S", "-p", "macros", "-I", dir, "-o", filepath.Join(dir, "macros.o"), path)
	cmd.Env = append(os.Environ(), "GOARCH=arm64")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go tool asm: %v\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`\tWORD\t\$(\d+)`).FindAllStringSubmatch(string(out), -1) {
		w, err := strconv.ParseUint(m[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, uint32(w))
	}
	return words
}

// disassemble is one line for each word.
func disassemble(t *testing.T, mc string, words []uint32) (lines []string) {
	var hex strings.Builder
	for _, w := range words {
		fmt.Fprintf(&hex, "0x%02x 0x%02x 0x%02x 0x%02x\n", byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	cmd := exec.Command(mc, "--disassemble", "--triple=aarch64")
	cmd.Stdin = strings.NewReader(hex.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", mc, err, out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" && !strings.HasPrefix(line, ".") {
			lines = append(lines, line)
		}
	}
	return lines
}
