// Package layout compares structures of Go with those of C headers, for tests. The numbers of C lie
// in testdata/layout.txt of the package under test, where every architecture can compare itself with
// them; where there is a C compiler they are compared with its answer too.
package layout

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Pair is a structure in both languages.
type Pair struct {
	C      string // struct v4l2_plane
	Go     any    // a zero value
	Fields string // Go=C pairs; Go alone where the names are equal
}

// Struct is a Pair.
func Struct(c string, g any, fields string) Pair { return Pair{c, g, fields} }

// Number is a constant in both languages.
type Number struct {
	C  string
	Go uint
}

// Const is a Number.
func Const(c string, g uint) Number { return Number{c, g} }

const golden = "testdata/layout.txt"

// Check fails the test where Go, the file and the compiler differ. With UPDATE_LAYOUT set the
// compiler's answer becomes the file.
func Check(t *testing.T, header string, pairs []Pair, numbers []Number) {
	t.Helper()
	ours := fromGo(t, pairs, numbers)
	if _, err := exec.LookPath("cc"); err != nil {
		t.Logf("no C compiler: compared with %s alone", golden)
	} else {
		cs := fromC(t, header, pairs, numbers)
		if os.Getenv("UPDATE_LAYOUT") != "" {
			if err := os.WriteFile(golden, cs, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, "the C compiler", ours, cs)
	}
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, golden, ours, file)
}

func compare(t *testing.T, who string, ours, theirs []byte) {
	t.Helper()
	a, b := strings.Split(string(ours), "\n"), strings.Split(string(theirs), "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("line %d: Go has %q, %s %q", i+1, line(a, i), who, line(b, i))
		}
	}
}

func line(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return ""
}

func fields(p Pair) (pairs [][2]string) {
	for _, f := range strings.Fields(p.Fields) {
		g, c, ok := strings.Cut(f, "=")
		if !ok {
			c = g
		}
		pairs = append(pairs, [2]string{g, c})
	}
	return pairs
}

func fromGo(t *testing.T, pairs []Pair, numbers []Number) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range pairs {
		typ := reflect.TypeOf(p.Go)
		fmt.Fprintf(&b, "%s %d\n", p.C, typ.Size())
		for _, f := range fields(p) {
			s, ok := typ.FieldByName(f[0])
			if !ok {
				t.Fatalf("%v has no field %s", typ, f[0])
			}
			fmt.Fprintf(&b, "%s.%s %d\n", p.C, f[1], offset(typ, s.Index))
		}
	}
	for _, n := range numbers {
		fmt.Fprintf(&b, "%s %d\n", n.C, n.Go)
	}
	return b.Bytes()
}

// offset is that of a field, perhaps in an embedded structure.
func offset(t reflect.Type, index []int) uintptr {
	at := uintptr(0)
	for _, i := range index {
		f := t.Field(i)
		at, t = at+f.Offset, f.Type
	}
	return at
}

func fromC(t *testing.T, header string, pairs []Pair, numbers []Number) []byte {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "#include <stddef.h>\n#include <stdio.h>\n#include <%s>\nint main(void) {\n", header)
	for _, p := range pairs {
		fmt.Fprintf(&b, "printf(\"%s %%zu\\n\", sizeof(%s));\n", p.C, p.C)
		for _, f := range fields(p) {
			fmt.Fprintf(&b, "printf(\"%s.%s %%zu\\n\", offsetof(%s, %s));\n", p.C, f[1], p.C, f[1])
		}
	}
	for _, n := range numbers {
		fmt.Fprintf(&b, "printf(\"%s %%lu\\n\", (unsigned long)(unsigned)%s);\n", n.C, n.C)
	}
	b.WriteString("return 0;\n}\n")
	dir := t.TempDir()
	src, bin := filepath.Join(dir, "layout.c"), filepath.Join(dir, "layout")
	if err := os.WriteFile(src, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-o", bin, src).CombinedOutput(); err != nil {
		t.Skipf("the C compiler does not know <%s>: %s", header, out)
	}
	out, err := exec.Command(bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
