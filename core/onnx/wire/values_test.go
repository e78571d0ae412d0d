package wire

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// bareTensor is a tensor message of one field of data beside its type and shape.
func bareTensor(dtype DType, dims []int64, num protowire.Number, data []byte) []byte {
	w := writer{}
	for _, d := range dims {
		w.int(tensorDims, d)
	}
	w.int(tensorDType, int64(dtype))
	w.string(tensorName, "x")
	if data != nil {
		w.bytes(num, data)
	}
	return w.b
}

func parseTensor(b []byte) (*Tensor, error) {
	return readTensor(field{num: graphInitializer, typ: protowire.BytesType, bytes: b})
}

func varints(vs ...int64) (b []byte) {
	for _, v := range vs {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return b
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		dtype DType
		num   protowire.Number
		data  []byte
		want  []float32
	}{
		{"raw float", Float, tensorRaw, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float32{1, -2}},
		{"typed float", Float, tensorFloats, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float32{1, -2}},
		{"raw double", Double, tensorRaw, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(1e-3)), math.Float64bits(-7)), []float32{1e-3, -7}},
		{"typed double", Double, tensorDoubles, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(1e-3)), math.Float64bits(-7)), []float32{1e-3, -7}},
		{"raw half", Float16, tensorRaw, []byte{0x00, 0x3c, 0xff, 0xfb}, []float32{1, -65504}},
		{"typed half", Float16, tensorInt32s, varints(0x3c00, 0xfbff), []float32{1, -65504}},
		{"raw bfloat16", BFloat16, tensorRaw, []byte{0x80, 0x3f, 0x49, 0xc0}, []float32{1, -3.140625}},
		{"typed bfloat16", BFloat16, tensorInt32s, varints(0x3f80, 0xc049), []float32{1, -3.140625}},
		{"raw int8", Int8, tensorRaw, []byte{0x80, 0x7f}, []float32{-128, 127}},
		{"typed int8", Int8, tensorInt32s, varints(-128, 127), []float32{-128, 127}},
		{"raw uint8", Uint8, tensorRaw, []byte{0x80, 0xff}, []float32{128, 255}},
		{"typed uint8", Uint8, tensorInt32s, varints(128, 255), []float32{128, 255}},
		{"raw int16", Int16, tensorRaw, []byte{0xff, 0xff, 0x00, 0x80}, []float32{-1, -32768}},
		{"typed uint16", Uint16, tensorInt32s, varints(65535, 1), []float32{65535, 1}},
		{"raw int32", Int32, tensorRaw, []byte{0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0}, []float32{-1, 2}},
		{"typed int32", Int32, tensorInt32s, varints(-1, 2), []float32{-1, 2}},
		{"raw int64", Int64, tensorRaw, le.AppendUint64(le.AppendUint64(nil, math.MaxUint64), 1<<40), []float32{-1, 1 << 40}},
		{"typed int64", Int64, tensorInt64s, varints(-1, 1<<40), []float32{-1, 1 << 40}},
		{"typed uint32", Uint32, tensorUint64s, varints(1<<31, 0), []float32{1 << 31, 0}},
		{"typed uint64", Uint64, tensorUint64s, varints(math.MinInt64, 0), []float32{1 << 63, 0}},
		{"raw bool", Bool, tensorRaw, []byte{0, 1}, []float32{0, 1}},
		{"typed bool", Bool, tensorInt32s, varints(0, 1), []float32{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := parseTensor(bareTensor(c.dtype, []int64{2}, c.num, c.data))
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Float32s("")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestHalf holds every finite binary16 against its definition, and the rest against themselves.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		exp, frac := h>>10&31, h&0x3ff
		want := math.Ldexp(float64(frac+1024), exp-25)
		switch {
		case exp == 0:
			want = math.Ldexp(float64(frac), -24)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			if !math.IsNaN(float64(half(uint16(h)))) {
				t.Errorf("%#x is a number", h)
			}
			continue
		}
		if h>>15 == 1 {
			want = -want
		}
		if got := half(uint16(h)); float64(got) != want || math.Signbit(float64(got)) != (h>>15 == 1) {
			t.Errorf("%#x = %g, want %g", h, got, want)
		}
	}
}

func TestUnpackedTypedData(t *testing.T) {
	b := bareTensor(Int64, []int64{3}, tensorInt64s, varints(5))
	w := writer{b: b}
	w.int(tensorInt64s, -6)
	w.int(tensorInt64s, 7)
	x, err := parseTensor(w.b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Int64s("")
	if d := cmp.Diff([]int64{5, -6, 7}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestInt64sAndBools(t *testing.T) {
	x := Int64Tensor("x", []int64{3}, []int64{0, -1, math.MaxInt64})
	ints, err := x.Int64s("")
	if d := cmp.Diff([]int64{0, -1, math.MaxInt64}, ints); d != "" || err != nil {
		t.Error(d, err)
	}
	bools, err := x.Bools("")
	if d := cmp.Diff([]bool{false, true, true}, bools); d != "" || err != nil {
		t.Error(d, err)
	}
	_, err = Float32Tensor("f", nil, []float32{1}).Int64s("")
	wantError(t, err, `tensor "f": cannot read FLOAT as int64`)
}

func TestEmptyTensor(t *testing.T) {
	x, err := parseTensor(bareTensor(Float, []int64{0}, 0, nil))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.Float32s(""); len(v) != 0 || err != nil {
		t.Errorf("%v, %v", v, err)
	}
}

// external1x4 is a FLOAT tensor of 4 values that lie in another file.
func external1x4(location, offset, length string) *Tensor {
	x := &Tensor{Name: "x", DType: Float, Dims: []int64{1, 4}, External: []KV{{"location", location}, {"offset", offset}}}
	if length != "" {
		x.External = append(x.External, KV{"length", length})
	}
	return x
}

// modelFolder is a folder with data below it and a secret beside it that links point to.
func modelFolder(t *testing.T) (dir string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "model")
	data := marshalFloats(0, 1, 2, 3, 4)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o755),
		os.WriteFile(filepath.Join(top, "secret"), data, 0o600),
		os.WriteFile(filepath.Join(dir, "sub", "data"), data, 0o600),
		os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink("..", filepath.Join(dir, "up")),
		os.Symlink("sub/data", filepath.Join(dir, "in")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func marshalFloats(v ...float32) []byte {
	return Float32Tensor("", []int64{int64(len(v))}, v).Raw()
}

func TestExternalData(t *testing.T) {
	dir := modelFolder(t)
	for _, x := range []*Tensor{external1x4("sub/data", "4", "16"), external1x4("sub/data", "4", ""), external1x4("in", "4", "16")} {
		m := small()
		m.Graph.Initializers[0] = x
		m, err := Parse(marshal(t, m))
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Graph.Initializers[0].Float32s(dir)
		if d := cmp.Diff([]float32{1, 2, 3, 4}, got); d != "" || err != nil {
			t.Error(x.External, d, err)
		}
	}
}

func TestExternalDataStaysInTheFolder(t *testing.T) {
	dir := modelFolder(t)
	for _, c := range []struct{ location, offset, length, want string }{
		{"../secret", "0", "16", "not below the model's folder"},
		{"sub/../../secret", "0", "16", "not below the model's folder"},
		{filepath.Join(filepath.Dir(dir), "secret"), "0", "16", "not below the model's folder"},
		{"out", "0", "16", "escapes"},
		{"up/secret", "0", "16", "escapes"},
		{"", "0", "16", "without a location"},
		{"absent", "0", "16", "no such file"},
		{"sub", "0", "16", "not a regular file"},
		{"pipe", "0", "16", "not a regular file"},
		{"sub/data", "8", "16", "has 20 bytes, the tensor wants 16 from offset 8"},
		{"sub/data", strconv.Itoa(math.MaxInt64), "16", "has 20 bytes"},
		{"sub/data", "-1", "16", "offset -1"},
		{"sub/data", "0", "12", "external data of 12 bytes, FLOAT of shape [1 4] wants 16"},
		{"sub/data", "0x", "16", `offset "0x" is not a number`},
	} {
		_, err := external1x4(c.location, c.offset, c.length).Float32s(dir)
		wantError(t, err, c.want)
	}
}
