package op

import (
	"reflect"
	"testing"

	"github.com/secateur/secateur/core/graph"
)

// TestAttrsRoundTrip holds that every op of the table comes back from its attributes.
func TestAttrsRoundTrip(t *testing.T) {
	for _, c := range registryCases() {
		if _, stored := ByKind(c.op.Kind()); !stored {
			continue
		}
		attrs := Attrs(c.op)
		got, err := WithAttrs(c.op.Kind(), attrs)
		if err != nil || !reflect.DeepEqual(got, c.op) {
			t.Errorf("%s: %v, %v from %v", graph.OpString(c.op), got, err, attrs)
		}
	}
}

func TestAttrsArePlain(t *testing.T) {
	got := Attrs(MaxPool{Kernel: [2]int{2, 3}, Ceil: true})
	if want := map[string]any{"Kernel": []int{2, 3}, "Ceil": true}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Attrs(Relu{}); len(got) != 0 {
		t.Errorf("Relu has %v", got)
	}
}

// TestAttrsFieldKinds holds that every field of every stored op has a kind that the codec knows.
func TestAttrsFieldKinds(t *testing.T) {
	storable := func(f reflect.Type) bool {
		switch f.Kind() {
		case reflect.Bool, reflect.Int, reflect.Float32, reflect.Float64, reflect.String:
			return true
		case reflect.Slice, reflect.Array:
			return f.Elem().Kind() == reflect.Int || f.Elem().Kind() == reflect.Float32
		}
		return false
	}
	for _, op := range Kinds {
		v := reflect.TypeOf(op)
		for i := range v.NumField() {
			if f := v.Field(i); f.IsExported() && !storable(f.Type) {
				t.Errorf("%s.%s is %v", op.Kind(), f.Name, f.Type)
			}
		}
	}
}

// TestWithAttrsAsDecoded takes the types that a msgpack decoder hands out.
func TestWithAttrsAsDecoded(t *testing.T) {
	got, err := WithAttrs("Resize", map[string]any{"Mode": "linear", "Size": []any{int8(7), uint64(9)}, "Scale": []any{float64(0.5), float32(2)}})
	want := Resize{Mode: "linear", Size: [2]int{7, 9}, Scale: [2]float32{0.5, 2}}
	if err != nil || got != graph.Op(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestWithAttrsRefuses(t *testing.T) {
	for _, c := range []struct {
		kind  string
		attrs map[string]any
		want  string
	}{
		{"Bogus", nil, `op kind "Bogus" is not known`},
		{"Relu", map[string]any{"Alpha": 1.0}, `Relu has no attribute "Alpha"`},
		{"LeakyRelu", map[string]any{"alpha": 1.0}, `LeakyRelu has no attribute "alpha"`},
		{"LeakyRelu", map[string]any{"Alpha": 1}, "LeakyRelu: attribute Alpha: int, want float32"},
		{"LeakyRelu", map[string]any{"Alpha": nil}, "LeakyRelu: attribute Alpha: nil, want float32"},
		{"LeakyRelu", map[string]any{"Alpha": 1e300}, "LeakyRelu: attribute Alpha: 1e+300 is out of range"},
		{"Concat", map[string]any{"Axis": 1.5}, "Concat: attribute Axis: float64, want int"},
		{"Concat", map[string]any{"Axis": "3"}, "Concat: attribute Axis: string, want int"},
		{"Concat", map[string]any{"Axis": uint64(1 << 63)}, "Concat: attribute Axis: 9223372036854775808 is out of range"},
		{"Concat", map[string]any{"Axis": []int{3}}, "Concat: attribute Axis: []int, want int"},
		{"MaxPool", map[string]any{"Kernel": []int{3}}, "MaxPool: attribute Kernel: 1 values, want 2"},
		{"MaxPool", map[string]any{"Kernel": []any{3, "3"}}, "MaxPool: attribute Kernel: value 1: string, want int"},
		{"MaxPool", map[string]any{"Kernel": 3}, "MaxPool: attribute Kernel: int, want [2]int"},
		{"MaxPool", map[string]any{"Ceil": 1}, "MaxPool: attribute Ceil: int, want bool"},
		{"Resize", map[string]any{"Mode": []byte("linear")}, "Resize: attribute Mode: []uint8, want string"},
		{"Gather", map[string]any{"Index": map[string]any{}}, "Gather: attribute Index: map[string]interface {}, want []int"},
	} {
		if op, err := WithAttrs(c.kind, c.attrs); err == nil || err.Error() != c.want {
			t.Errorf("%s %v: %v, %v, want %s", c.kind, c.attrs, op, err, c.want)
		}
	}
}
