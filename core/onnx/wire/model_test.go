package wire

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a model with one of everything that is kept.
func small() *Model {
	w := Float32Tensor("w", []int64{2, 1, 1, 2}, []float32{1, -2, 0.5, 4})
	conv := &Node{
		Name: "conv0", OpType: "Conv", Inputs: []string{"x", "w", ""}, Outputs: []string{"y"},
		Attrs: map[string]*Attr{
			"group": IntAttr(-1), "alpha": FloatAttr(0.25), "auto_pad": StringAttr("SAME_UPPER"),
			"pads": IntsAttr(0, 1, 0, -1), "scales": FloatsAttr(1, 2.5), "value": TensorAttr(Int64Tensor("", nil, []int64{7})),
			"names": {Type: AttrStrings, Strings: []string{"a", "", "c"}},
		},
	}
	return &Model{
		IRVersion: 8, Opsets: map[string]int64{"": 13, "ai.onnx.ml": 2}, ProducerName: "p", ProducerVersion: "1.2",
		Domain: "d", ModelVersion: 3, DocString: "a model", Metadata: []KV{{"z", "1"}, {"a", "2"}},
		Graph: &Graph{
			Name: "g", Nodes: []*Node{conv}, Initializers: []*Tensor{w},
			Inputs:    []*ValueInfo{{Name: "x", DType: Float, Shaped: true, Dims: []Dim{{-1, "batch"}, {1, ""}, {4, ""}, {-1, ""}}}},
			Outputs:   []*ValueInfo{{Name: "y", DType: Float}},
			ValueInfo: []*ValueInfo{{Name: "s", DType: Int64, Shaped: true}},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	want := small()
	got, err := Parse(marshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Tensor{})); d != "" {
		t.Errorf("parsed model differs (-want +got):\n%s", d)
	}
}

func TestMarshalIsDeterministic(t *testing.T) {
	first := marshal(t, small())
	for range 20 {
		if string(marshal(t, small())) != string(first) {
			t.Fatal("the same model gave other bytes")
		}
	}
}

func TestAttrAccessors(t *testing.T) {
	n := small().Graph.Nodes[0]
	if v, err := n.Int("group", 1); v != -1 || err != nil {
		t.Errorf("group = %d, %v", v, err)
	}
	if v, err := n.Int("absent", 5); v != 5 || err != nil {
		t.Errorf("absent = %d, %v", v, err)
	}
	if v, err := n.Ints("pads"); !reflect.DeepEqual(v, []int64{0, 1, 0, -1}) || err != nil {
		t.Errorf("pads = %v, %v", v, err)
	}
	_, err := n.Float("pads", 0)
	wantError(t, err, `attribute "pads" is of type INTS, want FLOAT`)
}

func TestMarshalRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Model)
		want string
	}{
		{"no graph", func(m *Model) { m.Graph = nil }, "no graph"},
		{"shape and data differ", func(m *Model) { m.Graph.Initializers[0].Dims[0] = 3 }, "16 bytes of raw data, FLOAT of shape [3 1 1 2] wants 24"},
		{"subgraph", func(m *Model) { m.Graph.Nodes[0].Attrs["body"] = &Attr{Type: AttrGraph} }, `attribute "body" of type GRAPH cannot be written`},
		{"string tensor", func(m *Model) { m.Graph.Initializers[0].DType = String }, "STRING cannot be written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := small()
			c.edit(m)
			_, err := m.Marshal()
			wantError(t, err, c.want)
		})
	}
}

// TestSharedModels reads every published model at hand, converts every initializer, and finds
// the same model again in what it writes.
func TestSharedModels(t *testing.T) {
	for _, path := range sharedModels(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Graph.Nodes) < 10 || len(m.Graph.Initializers) < 10 {
				t.Fatalf("%d nodes, %d initializers: too few for a network", len(m.Graph.Nodes), len(m.Graph.Initializers))
			}
			for _, x := range m.Graph.Initializers {
				n, _ := x.Elems()
				if v, err := x.Float32s(filepath.Dir(path)); err != nil || len(v) != n {
					t.Errorf("%s: %d values, %v", x.Name, len(v), err)
				}
			}
			again, err := Parse(marshal(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m, again) {
				t.Error("written and read again, the model differs")
			}
		})
	}
}

// TestParseDoesNotCopyWeights holds reading to far fewer bytes than the weights have.
func TestParseDoesNotCopyWeights(t *testing.T) {
	m := small()
	m.Graph.Initializers = []*Tensor{Float32Tensor("w", []int64{1 << 20}, make([]float32, 1<<20))}
	b := marshal(t, m)
	got := allocated(func() {
		if _, err := Parse(b); err != nil {
			t.Error(err)
		}
	})
	if got > 64<<10 {
		t.Errorf("parsing %d bytes allocates %d, want at most 64 KiB", len(b), got)
	}
}

// compare loads pairs of models with the reference implementation and holds one against the
// other, node by node and array by array.
const compare = `
import sys, onnx, numpy
from onnx import numpy_helper
def node(n):
    n.ClearField("doc_string")
    n.attribute.sort(key=lambda a: a.name)
    for a in n.attribute:
        a.ClearField("doc_string")
        if a.HasField("t"):
            v = numpy_helper.to_array(a.t)
            a.t.CopyFrom(numpy_helper.from_array(v, a.t.name))
    return n.SerializeToString(deterministic=True)
for a, b in zip(sys.argv[1::2], sys.argv[2::2]):
    a, b = onnx.load(a), onnx.load(b)
    onnx.checker.check_model(b)
    assert [node(n) for n in a.graph.node] == [node(n) for n in b.graph.node], "nodes"
    for x, y in zip(a.graph.initializer, b.graph.initializer):
        assert x.name == y.name and x.data_type == y.data_type
        numpy.testing.assert_array_equal(numpy_helper.to_array(x), numpy_helper.to_array(y))
    assert len(a.graph.initializer) == len(b.graph.initializer)
    for f in "input", "output", "value_info":
        x, y = getattr(a.graph, f), getattr(b.graph, f)
        assert [(v.name, v.type.tensor_type.elem_type, [(d.dim_value, d.dim_param) for d in v.type.tensor_type.shape.dim]) for v in x] == \
               [(v.name, v.type.tensor_type.elem_type, [(d.dim_value, d.dim_param) for d in v.type.tensor_type.shape.dim]) for v in y], f
    assert {o.domain: o.version for o in a.opset_import} == {o.domain: o.version for o in b.opset_import}
    assert a.ir_version == b.ir_version and a.producer_name == b.producer_name
    assert [(p.key, p.value) for p in a.metadata_props] == [(p.key, p.value) for p in b.metadata_props]
`

// TestReferenceReadsWhatIsWritten has the onnx package of Python read both files.
func TestReferenceReadsWhatIsWritten(t *testing.T) {
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import onnx").Run() != nil {
		t.Skip("python3 has no onnx package")
	}
	args := []string{"-c", compare}
	for _, path := range sharedModels(t) {
		m, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), filepath.Base(path))
		if err := os.WriteFile(out, marshal(t, m), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path, out)
	}
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func marshal(t testing.TB, m *Model) []byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sharedModels are the published models beside the repository, none when they are absent.
func sharedModels(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("SECATEUR_TESTDATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "model-*", "*.onnx"))
	if len(paths) == 0 {
		t.Skipf("no models in %s; set SECATEUR_TESTDATA", dir)
	}
	return paths
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q in it", err, want)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("error %q has more than one line", err)
	}
}
