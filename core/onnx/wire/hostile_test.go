package wire

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// inModel wraps a field of a graph into a model.
func inModel(num protowire.Number, body []byte) []byte {
	w := writer{}
	w.int(modelIRVersion, 8)
	w.message(modelOpsets, func() { w.int(opsetVersion, 13) })
	w.message(modelGraph, func() { w.bytes(num, body) })
	return w.b
}

func valueInfo(dims ...int64) []byte {
	v := &ValueInfo{Name: "x", DType: Float, Shaped: true}
	for _, d := range dims {
		v.Dims = append(v.Dims, Dim{Value: d})
	}
	w := writer{}
	w.values(graphInput, []*ValueInfo{v})
	body, _ := protowire.ConsumeBytes(w.b[1:])
	return body
}

func node(build func(w *writer)) []byte {
	w := writer{}
	w.string(nodeOpType, "Conv")
	build(&w)
	return w.b
}

func TestParseRefuses(t *testing.T) {
	big := []byte{}
	for range MaxNodes + 1 {
		big = append(big, graphNode<<3|2, 0)
	}
	w := writer{}
	w.bytes(modelGraph, big)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "file is empty"},
		{"a picture", []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), "byte 0 of 12"},
		{"no graph", []byte{8, 8}, "no graph in it"},
		{"no opset", []byte{8, 8, modelGraph<<3 | 2, 0}, "no opset in it"},
		{"wrong wire type", []byte{modelGraph << 3, 1}, "field 7 has wire type 0, want 2"},
		{"too many nodes", w.b, "more than 100000 nodes"},
		{"length past the end", []byte{modelGraph<<3 | 2, 0xff, 0xff, 0xff, 0xff, 7, 0}, "field 7 says 2147483647 bytes, 1 are left: cut short or damaged"},
		{"dims of 2^63", inModel(graphInitializer, bareTensor(Float, []int64{1 << 31, 1 << 32}, tensorRaw, make([]byte, 4))),
			`tensor "x": shape [2147483648 4294967296] has more than 2147483647 elements`},
		{"dims of 2^64", inModel(graphInitializer, bareTensor(Float, []int64{1 << 32, 1 << 32}, tensorRaw, make([]byte, 4))), "more than 2147483647 elements"},
		{"dims of 2^63 behind a zero", inModel(graphInitializer, bareTensor(Float, []int64{0, 1 << 32, 1 << 31}, tensorRaw, nil)), "more than 2147483647 elements"},
		{"input of 2^63", inModel(graphInput, valueInfo(1<<31, 1<<32)), `input 0 ("x"): shape [2147483648 4294967296] has more than`},
		{"negative axis", inModel(graphInitializer, bareTensor(Float, []int64{-1}, tensorRaw, make([]byte, 4))), "axis of length -1"},
		{"rank", inModel(graphInitializer, bareTensor(Float, make([]int64, 65), tensorRaw, nil)), "more than 64 axes"},
		{"too few raw bytes", inModel(graphInitializer, bareTensor(Float, []int64{2}, tensorRaw, make([]byte, 7))), "7 bytes of raw data, FLOAT of shape [2] wants 8"},
		{"too few values", inModel(graphInitializer, bareTensor(Int64, []int64{2}, tensorInt64s, varints(1<<40))), "1 values, shape [2] wants 2"},
		{"values end in a varint", inModel(graphInitializer, bareTensor(Int64, []int64{1}, tensorInt64s, []byte{1, 0x80})), "-1 values"},
		{"values in the wrong field", inModel(graphInitializer, bareTensor(Float, []int64{1}, tensorInt64s, varints(1))), "values are in field 7, FLOAT wants them in field 4"},
		{"no values", inModel(graphInitializer, bareTensor(Float, []int64{1}, 0, nil)), "no data for shape [1]"},
		{"long name", inModel(graphNode, node(func(w *writer) { w.string(nodeName, strings.Repeat("n", MaxNameBytes+1)) })), "name of 65537 bytes, at most 65536"},
		{"name not UTF-8", inModel(graphNode, node(func(w *writer) { w.string(nodeName, "\xff") })), `name "\xff" is not UTF-8`},
		{"attribute twice", inModel(graphNode, node(func(w *writer) {
			for range 2 {
				w.message(nodeAttribute, func() { w.attr("k", IntAttr(1)) })
			}
		})), `node 0 (Conv ""): attribute "k" is given twice`},
		{"sparse initializer", inModel(graphSparse, nil), "sparse initializers are not supported"},
		{"external without keys", inModel(graphInitializer, append(bareTensor(Float, []int64{1}, 0, nil), tensorLocation<<3, 1)), "no location is given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.b)
			wantError(t, err, c.want)
		})
	}
}

func TestTruncationIsSeen(t *testing.T) {
	b := marshal(t, small())
	for n := range b {
		if _, err := Parse(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken for a model", n, len(b))
		}
	}
}

func TestReadSaysWhich(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "half.onnx")
	b := marshal(t, small())
	if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Read(path)
	wantError(t, err, "read onnx model "+path)
	wantError(t, err, "cut short or damaged")
	_, err = Read(dir)
	wantError(t, err, dir+" is not a regular file")
	_, err = Read(filepath.Join(dir, "absent.onnx"))
	wantError(t, err, "no such file")
}

func TestReadRefusesHugeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.onnx")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, MaxFileBytes+1); err != nil {
		t.Skip("no sparse files here: ", err)
	}
	_, err := Read(path)
	wantError(t, err, "has 2147483648 bytes, at most 2147483647 allowed")
}

// TestSubgraphIsNotParsed nests a million graphs in an attribute: noted, at no cost.
func TestSubgraphIsNotParsed(t *testing.T) {
	deep := bytes.Repeat([]byte{graphNode<<3 | 2, 0x7f}, 1<<20)
	m, err := Parse(inModel(graphNode, node(func(w *writer) {
		w.message(nodeAttribute, func() {
			w.string(attrName, "body")
			w.bytes(attrG, deep)
		})
	})))
	if err != nil {
		t.Fatal(err)
	}
	a := m.Graph.Nodes[0].Attrs["body"]
	if a.Type != AttrGraph || a.Supported() {
		t.Errorf("type %s, supported %v; want a GRAPH that is not", a.Type, a.Supported())
	}
}

func TestNestedGroupsAreBounded(t *testing.T) {
	if _, err := Parse(bytes.Repeat([]byte{15<<3 | 3}, 1<<20)); err == nil {
		t.Error("a million open groups were taken for a model")
	}
}

// TestHostileSizesCostNothing claims 2^31-1 elements in a few bytes.
func TestHostileSizesCostNothing(t *testing.T) {
	b := inModel(graphInitializer, bareTensor(Int64, []int64{math.MaxInt32}, tensorInt64s, varints(1)))
	var err error
	got := allocated(func() { _, err = Parse(b) })
	wantError(t, err, "1 values, shape [2147483647] wants 2147483647")
	if got > 64<<10 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(b))
	}
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzParse: no input panics, and what is read and can be written is read back the same.
func FuzzParse(f *testing.F) {
	f.Add(marshal(f, small()))
	f.Add(inModel(graphInitializer, bareTensor(Int64, []int64{2}, tensorInt64s, varints(1, -1))))
	f.Add(inModel(graphInitializer, bareTensor(Float16, []int64{2}, tensorInt32s, varints(1, -1))))
	f.Add(inModel(graphInput, valueInfo(1<<31, 1<<32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		for _, x := range m.Graph.Initializers {
			if x.External == nil {
				x.Float32s("")
				x.Int64s("")
			}
		}
		once, err := m.Marshal()
		if err != nil {
			return
		}
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if !bytes.Equal(once, marshal(t, again)) {
			t.Error("written, read and written again, the bytes differ")
		}
	})
}
