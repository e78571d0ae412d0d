package checkpoint

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBodyRoundTrip(t *testing.T) {
	e := NewEnc()
	e.Int(math.MinInt)
	e.Uint64(math.MaxUint64)
	e.Float(math.Copysign(0, -1))
	e.Bool(true)
	e.String("Prüfung")
	e.Blob([]byte{1, 2})
	e.Ints([]int{1, -200, 1 << 40})
	e.Floats([]float64{0.1, math.Inf(-1)})
	e.Strings([]string{"a", "", "c"})
	PutMap(e, map[string]int{"b": 2, "a": 1}, e.Int)
	PutMap(e, map[string][]float64{"x": {1}}, e.Floats)
	e.Ints(nil)
	b, err := e.Bytes()
	if err != nil {
		t.Fatal(err)
	}

	d := NewDec(b)
	check := func(name string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	check("int", d.Int(), math.MinInt)
	check("uint64", d.Uint64(), uint64(math.MaxUint64))
	check("float", math.Float64bits(d.Float()), uint64(1)<<63)
	check("bool", d.Bool(), true)
	check("string", d.String(), "Prüfung")
	check("blob", d.Blob(), []byte{1, 2})
	check("ints", d.Ints(), []int{1, -200, 1 << 40})
	check("floats", d.Floats(), []float64{0.1, math.Inf(-1)})
	check("strings", d.Strings(), []string{"a", "", "c"})
	check("map", GetMap(d, d.Int), map[string]int{"b": 2, "a": 1})
	check("map of lists", GetMap(d, d.Floats), map[string][]float64{"x": {1}})
	check("no ints", d.Ints(), []int(nil))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestBodyOrderIsFixed(t *testing.T) {
	m := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}
	first := NewEnc()
	PutMap(first, m, first.String)
	for range 20 {
		e := NewEnc()
		PutMap(e, m, e.String)
		if !bytes.Equal(e.buf.Bytes(), first.buf.Bytes()) {
			t.Fatal("the same map gave other bytes")
		}
	}
}

func TestDecKeepsTheFirstError(t *testing.T) {
	d := NewDec([]byte{0xa1, 'x', 7})
	if got := d.Int(); got != 0 {
		t.Errorf("a string read as %d", got)
	}
	if got := d.Ints(); got != nil {
		t.Errorf("after an error the list is %v", got)
	}
	wantError(t, d.Close(), "byte 1 of 3: integer: ")

	d = NewDec([]byte{7, 8})
	d.Int()
	wantError(t, d.Close(), "byte 1 of 2: 1 bytes left over")
}

func TestDecRefuses(t *testing.T) {
	for _, c := range []struct {
		want string
		b    string
		read func(*Dec)
	}{
		{"list items of 3, 2 bytes are left", "\x93\x01\x02", func(d *Dec) { d.Ints() }},
		{"list items of 4294967295, at most 1048576", "\xdd\xff\xff\xff\xff", func(d *Dec) { d.Strings() }},
		{"list items is missing", "\xc0", func(d *Dec) { d.List() }},
		{"string bytes of 9, 1 bytes are left", "\xa9x", func(d *Dec) { _ = d.String() }},
		{"blob bytes of 2147483647, at most 16777216", "\xc6\x7f\xff\xff\xff", func(d *Dec) { d.Blob() }},
		{`key "a" is there twice`, "\x82\xa1a\x01\xa1a\x02", func(d *Dec) { GetMap(d, d.Int) }},
		{`found "b", want "a"`, "\xa1b", func(d *Dec) { d.Expect("a") }},
		{"truth value", "\x07", func(d *Dec) { d.Bool() }},
		{"float", "\xa1x", func(d *Dec) { d.Float() }},
		{"integer: EOF", "", func(d *Dec) { d.Uint64() }},
	} {
		d := NewDec([]byte(c.b))
		c.read(d)
		wantError(t, d.Err(), c.want)
	}
}

func TestEncRefuses(t *testing.T) {
	e := NewEnc()
	e.Ints(make([]int, MaxItems+1))
	_, err := e.Bytes()
	wantError(t, err, "list items of 1048577, at most 1048576 allowed")
	e = NewEnc()
	e.String(string(make([]byte, MaxStringBytes+1)))
	_, err = e.Bytes()
	wantError(t, err, "string bytes of 1048577, at most 1048576 allowed")
}
