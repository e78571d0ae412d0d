// Package tidy holds the list of who may import whom against the code.
package tidy

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/secateur/secateur/"

// allowed lists, longest prefix first, what each part of the house may import of ours. A package
// may always import what lies under its own prefix.
var allowed = []struct {
	part string
	may  []string
}{
	{"tools", []string{""}},
	{"pruning/internal/nets", []string{"core", "kernels", "pruning"}},
	{"pruning", []string{"core/graph", "core/op", "core/tensor", "core/random"}},
	{"device", nil},
	{"firmware-config", []string{"device/durable"}},
	{"kernels", nil},
	{"core/random", nil},
	{"core/tensor", []string{"kernels"}},
	{"core/graph", []string{"core/tensor", "kernels"}},
	{"core/internal/npz", []string{"core/tensor"}},
	{"core/op", []string{"core/graph", "core/tensor", "kernels", "core/random"}},
	{"core/grad", []string{"core/graph", "core/op", "core/tensor"}},
	{"core/optim", []string{"core/graph", "core/op", "core/tensor", "kernels"}},
	{"core/plan", []string{"core/graph", "core/op", "core/tensor", "core/grad", "core/optim", "kernels"}},
	{"core/onnx", []string{"core/graph", "core/op", "core/tensor", "core/checkpoint", "device/durable"}},
	{"core/checkpoint", []string{"core/graph", "core/op", "core/tensor", "device/durable"}},
	{"core/data", []string{"core/random", "core/tensor", "core/graph", "kernels"}},
	{"core/zoo/line", []string{"core/random"}},
	{"core/internal/toy", []string{"core", "kernels"}},
	{"core/eval", []string{"core/data", "core/graph", "core/plan", "core/tensor"}},
	{"core/detect", []string{"core/data", "core/eval", "core/graph", "core/op", "core/plan", "core/random", "core/tensor"}},
	{"core/accept", []string{"core/data", "core/detect", "core/eval", "core/graph", "device/durable"}},
	{"core/latency", []string{"core/graph", "core/op", "core/plan", "core/tensor", "kernels"}},
	{"core/score", []string{"core", "pruning"}},
	{"core/explain", []string{"core", "pruning"}},
	{"core/study", []string{"core", "kernels", "pruning"}},
	{"core/train", []string{"core", "kernels", "pruning", "device"}},
	{"core/zoo", []string{"core", "kernels", "pruning"}},
}

func TestWhoImportsWhom(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Imports {
			check(t, strings.TrimPrefix(p.ImportPath, module), i)
		}
	}
}

func check(t *testing.T, from, to string) {
	t.Helper()
	if !strings.HasPrefix(to, module) {
		return
	}
	to = strings.TrimPrefix(to, module)
	for _, a := range allowed {
		if !under(from, a.part) {
			continue
		}
		for _, m := range append(a.may, a.part) {
			if m == "" || under(to, m) {
				return
			}
		}
		t.Errorf("%s imports %s; it may import %v", from, to, a.may)
		return
	}
	t.Errorf("%s has no place in the house: add it to the list or move it", from)
}

func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
