package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/onnx"
)

// models are those of the shared data that have golden tensors of their own.
var models = []string{
	"model-fastestdet-coco/FastestDet.onnx",
	"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx",
	"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx",
	"model-resnet20-cifar10/resnet20_cifar10.onnx",
	"model-squeezenet11/squeezenet1_1_224.onnx",
	"model-ultraface-slim320/version-slim-320_simplified.onnx",
}

// decoding has the golden tensors of the simplified file, but decodes its boxes.
const decoding = "model-ultraface-slim320/version-slim-320.onnx"

// shared is a file of the shared data; the test is skipped without it.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SECATEUR_TESTDATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data: %v", err)
	}
	return path
}

func goldenOf(model string) string {
	return filepath.Join(filepath.Dir(model), "golden", "golden.json")
}

func TestGoldenModels(t *testing.T) {
	for _, name := range models {
		t.Run(filepath.Base(name), func(t *testing.T) {
			model := shared(t, name)
			var stdout, stderr bytes.Buffer
			if code := run([]string{model, goldenOf(model)}, &stdout, &stderr); code != 0 {
				t.Errorf("exit %d\n%s%s", code, &stdout, &stderr)
			}
			t.Log(stdout.String())
		})
	}
}

// TestDecodingModel holds the model with its boxes decoded in the graph against the raw boxes
// of the simplified one, decoded here as SSD does.
func TestDecodingModel(t *testing.T) {
	model := shared(t, decoding)
	want, err := readGolden(goldenOf(model))
	if err != nil {
		t.Fatal(err)
	}
	g, err := onnx.Import(model, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := infer(g, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range want.Outputs {
		v, err := want.load(o)
		if err != nil {
			t.Fatal(err)
		}
		if o.Name == "boxes" {
			v = decode(v)
		}
		if e := relativeError(got[o.Name], v); !(e <= limit) {
			t.Errorf("%s: error %v", o.Name, e)
		}
	}
}

// decode turns offsets to priors into corners, relative to the image of 320×240.
func decode(raw []float32) []float32 {
	var out []float32
	for level, sizes := range [][]float64{{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}} {
		stride := 8 << level
		rows, cols := (240+stride-1)/stride, 320/stride
		for y := range rows {
			for x := range cols {
				for _, s := range sizes {
					out = append(out, box(raw[len(out):], (float64(x)+0.5)/float64(cols), (float64(y)+0.5)/float64(rows), s)...)
				}
			}
		}
	}
	return out
}

func box(raw []float32, cx, cy, size float64) []float32 {
	clip := func(v float64) float64 { return min(max(v, 0), 1) }
	pw, ph := clip(size/320), clip(size/240)
	x, y := cx+0.1*float64(raw[0])*pw, cy+0.1*float64(raw[1])*ph
	w, h := pw*math.Exp(0.2*float64(raw[2])), ph*math.Exp(0.2*float64(raw[3]))
	return []float32{float32(x - w/2), float32(y - h/2), float32(x + w/2), float32(y + h/2)}
}

// TestExportInONNXRuntime exports every model and lets onnxruntime run the file on three
// images.
func TestExportInONNXRuntime(t *testing.T) {
	for _, name := range append(models, decoding) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			model := shared(t, name)
			g, err := onnx.Import(model, onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "exported.onnx")
			if err := onnx.Export(g, path); err != nil {
				t.Fatal(err)
			}
			args := []string{"../golden/ort.py", path, goldenOf(model), "--batch"}
			if name == decoding {
				args = append(args[:3], "--reference", model, "--batch")
			}
			ort(t, append(args, "3")...)
		})
	}
}

// TestCasesInONNXRuntime exports every operator case and lets onnxruntime run the file. The one
// whose input has its channels last takes another input once it is exported.
func TestCasesInONNXRuntime(t *testing.T) {
	const dir = "../../core/onnx/testdata/cases"
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []map[string]any
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c map[string]any) bool { return c["name"] == "tensorflow_layout" })
	out := t.TempDir()
	for _, c := range cases {
		name := c["name"].(string) + ".onnx"
		g, err := onnx.Import(filepath.Join(dir, name), onnx.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Export(g, filepath.Join(out, name)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = json.Marshal(cases); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(out, "cases.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ort(t, "../golden/ort.py", out, list, "--batch", "2")
}

// ort runs the script; exit 77 means that onnxruntime is not installed.
func ort(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("python3", args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		t.Skip("no python3")
	case errors.As(err, &exit) && exit.ExitCode() == 77:
		t.Skipf("no onnxruntime: %s", out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.onnx")
	if err := os.WriteFile(bad, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(nil, &stdout, &stderr); code != exitUsage {
		t.Errorf("no arguments: exit %d", code)
	}
	if code := run([]string{bad, bad}, &stdout, &stderr); code != exitFailure {
		t.Errorf("bad model: exit %d", code)
	}
	if stdout.Len() != 0 {
		t.Errorf("standard output %q", stdout.String())
	}
}

func TestRelativeError(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		got, want []float32
		error     float64
	}{
		{[]float32{1, 2}, []float32{1, 2}, 0},
		{[]float32{1, 2.5}, []float32{1, -5}, 1.5},
		{[]float32{0}, []float32{0}, 0},
		{[]float32{nan}, []float32{0}, math.Inf(1)},
	} {
		if e := relativeError(c.got, c.want); e != c.error {
			t.Errorf("%v against %v: %v, want %v", c.got, c.want, e, c.error)
		}
	}
}
