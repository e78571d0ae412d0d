package op

import (
	"fmt"
	"math"
	"reflect"
	"sort"

	"github.com/secateur/secateur/core/graph"
)

// An op's attributes as values that any file format can hold. The attribute names are the field
// names: renaming a field makes a model file unreadable.

// Attrs is the exported fields of op that are not zero, by name: bool, int, float32, float64,
// string, []int, []float32; arrays become slices.
func Attrs(op graph.Op) map[string]any {
	attrs := map[string]any{}
	v := reflect.ValueOf(op)
	for i := range v.NumField() {
		f, x := v.Type().Field(i), v.Field(i)
		if !f.IsExported() || x.IsZero() {
			continue
		}
		attrs[f.Name] = plain(x)
	}
	return attrs
}

// plain is a field's value, an array as a slice.
func plain(x reflect.Value) any {
	if x.Kind() != reflect.Array && x.Kind() != reflect.Slice {
		return x.Interface()
	}
	s := reflect.MakeSlice(reflect.SliceOf(x.Type().Elem()), x.Len(), x.Len())
	reflect.Copy(s, x)
	return s.Interface()
}

// WithAttrs is the op of that kind with these attributes, as a file gives them: any integer type
// for an int, any float type for a float, any slice of these. What is missing is zero; an
// unknown kind or attribute, another type, a wrong length, a number out of range are errors.
func WithAttrs(kind string, attrs map[string]any) (graph.Op, error) {
	zero, ok := ByKind(kind)
	if !ok {
		return nil, fmt.Errorf("op kind %q is not known", kind)
	}
	v := reflect.New(reflect.TypeOf(zero)).Elem()
	for _, name := range sorted(attrs) {
		f, ok := v.Type().FieldByName(name)
		if !ok || !f.IsExported() {
			return nil, fmt.Errorf("%s has no attribute %q", kind, name)
		}
		if err := assign(v.FieldByIndex(f.Index), reflect.ValueOf(attrs[name])); err != nil {
			return nil, fmt.Errorf("%s: attribute %s: %w", kind, name, err)
		}
	}
	return v.Interface().(graph.Op), nil
}

// sorted is the names in order, so that of several errors it is always the same one.
func sorted(attrs map[string]any) []string {
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// assign sets to from a value of a like type.
func assign(to, from reflect.Value) error {
	for from.Kind() == reflect.Interface {
		from = from.Elem()
	}
	switch k := to.Kind(); {
	case k == reflect.Int && (from.CanInt() || from.CanUint()):
		return assignInt(to, from)
	case k == reflect.Float32 && from.CanFloat(), k == reflect.Float64 && from.CanFloat():
		return assignFloat(to, from)
	case k == reflect.Bool && from.Kind() == k, k == reflect.String && from.Kind() == k:
		to.Set(from.Convert(to.Type()))
		return nil
	case (k == reflect.Slice || k == reflect.Array) && isList(from):
		return assignList(to, from)
	}
	if !from.IsValid() {
		return fmt.Errorf("nil, want %v", to.Type())
	}
	return fmt.Errorf("%v, want %v", from.Type(), to.Type())
}

func isList(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Array }

func assignInt(to, from reflect.Value) error {
	if from.CanUint() {
		if from.Uint() > math.MaxInt {
			return fmt.Errorf("%d is out of range", from.Uint())
		}
		to.SetInt(int64(from.Uint()))
		return nil
	}
	if to.OverflowInt(from.Int()) {
		return fmt.Errorf("%d is out of range", from.Int())
	}
	to.SetInt(from.Int())
	return nil
}

func assignFloat(to, from reflect.Value) error {
	if to.OverflowFloat(from.Float()) {
		return fmt.Errorf("%g is out of range", from.Float())
	}
	to.SetFloat(from.Float())
	return nil
}

// assignList copies element by element; an array wants its own length.
func assignList(to, from reflect.Value) error {
	n := from.Len()
	if to.Kind() == reflect.Slice {
		to.Set(reflect.MakeSlice(to.Type(), n, n))
	} else if to.Len() != n {
		return fmt.Errorf("%d values, want %d", n, to.Len())
	}
	for i := range n {
		if err := assign(to.Index(i), from.Index(i)); err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
	}
	return nil
}
