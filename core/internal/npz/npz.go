// Package npz reads golden arrays in tests.
package npz

import (
	"archive/zip"
	"encoding/binary"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/tensor"
)

// Array is one array, in C order.
type Array struct {
	Shape tensor.Shape
	Data  []float32
}

// Read reads the float32 arrays of a NumPy archive.
func Read(t testing.TB, path string) map[string]Array {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	arrays := map[string]Array{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		arrays[strings.TrimSuffix(f.Name, ".npy")] = parse(t, f.Name, b)
	}
	return arrays
}

var header = regexp.MustCompile(`'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\)`)

// parse reads version 1.0 of the format: magic, version, length of the header, header, values.
func parse(t testing.TB, name string, b []byte) Array {
	t.Helper()
	head := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	m := header.FindSubmatch(b[:head])
	if m == nil {
		t.Fatalf("%s: header %q, want float32 in C order", name, b[:head])
	}
	var s tensor.Shape
	for _, d := range strings.FieldsFunc(string(m[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(d)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, n)
	}
	v := make([]float32, s.Elems())
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[head+4*i:]))
	}
	return Array{s, v}
}
