package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/onnx/wire"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"google.golang.org/protobuf/encoding/protowire"
)

// spoiled makes what the bad input table is about, in dir.
func spoiled(t *testing.T, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	whole := read(t, fixtures()+"/tiny.onnx")
	write(t, at("truncated.onnx"), whole[:len(whole)/2])
	write(t, at("empty.onnx"), nil)
	write(t, at("text.onnx"), []byte("this is no model\n"))
	spoilONNX(t, at("cycle.onnx"), func(g *wire.Graph) { g.Nodes[0].Inputs[0] = g.Outputs[0].Name })
	write(t, at("weights-2^63.onnx"), hugeWeight())
	spoilONNX(t, at("input-2^63.onnx"), func(g *wire.Graph) {
		for i := range 3 {
			g.Inputs[0].Dims[1+i] = wire.Dim{Value: 1 << 21}
		}
	})
	spoilONNX(t, at("unknown.onnx"), func(g *wire.Graph) { g.Nodes[1].OpType, g.Nodes[2].OpType = "Frob", "Nicate" })
	ours := read(t, fixtures()+"/line.secateur")
	write(t, at("truncated.secateur"), ours[:len(ours)-100])
	write(t, at("flipped.secateur"), flipped(ours, len(ours)/2))
	nan := tinyNet(lineClasses)
	nan.Node("wide.weight").Value[7] = float32(math.NaN())
	must(checkpoint.SaveModel(at("nan.secateur"), nan))
	must(onnx.Export(nan, at("nan.onnx")))
	large := tinyNet(lineClasses)
	for i := range large.Node("fc.weight").Value {
		large.Node("fc.weight").Value[i] = 3e38
	}
	must(checkpoint.SaveModel(at("overflow.secateur"), large))
	must(checkpoint.SaveModel(at("two-outputs.secateur"), detector()))
	unlabelled := tinyNet([]string{"a", "b", "c", "d"})
	delete(unlabelled.Meta, graph.MetaLabels)
	must(checkpoint.SaveModel(at("unlabelled.secateur"), unlabelled))
	must(checkpoint.SaveModel(at("vector.secateur"), vectorNet()))
	must(checkpoint.SaveModel(at("gray.secateur"), grayNet()))

	copyTree(t, fixtures()+"/flat", at("empty-class"))
	must(os.Mkdir(at("empty-class/rivet"), 0o755))
	copyTree(t, fixtures()+"/flat", at("bomb-class"))
	must(os.Mkdir(at("bomb-class/rivet"), 0o755))
	write(t, at("bomb-class/rivet/bomb.png"), imageBomb())
	copyTree(t, fixtures()+"/flat", at("text-class"))
	must(os.Mkdir(at("text-class/rivet"), 0o755))
	write(t, at("text-class/rivet/notes.jpg"), []byte("not a picture\n"))
	copyTree(t, fixtures()+"/flat", at("bad-csv"))
	write(t, at("bad-csv/split.csv"), []byte("file,klass\nbolt/bolt00.png,bolt\n"))
	must(os.Mkdir(at("nothing"), 0o755))
	write(t, at("picture.png"), []byte("not a picture either\n"))
	write(t, at("labels.txt"), []byte("one\ntwo\n"))
	write(t, at("earlier.secateur"), []byte("an earlier result\n"))
}

// TestBadInput: exit code of the table, one clear line, nothing half-written, what was there
// before untouched.
func TestBadInput(t *testing.T) {
	t.Setenv("SECATEUR_THREADS", "1")
	dir := t.TempDir()
	spoiled(t, dir)
	fix := fixtures()
	adapt := "adapt --epochs 1 --head-steps 2 -o DIR/earlier.secateur "
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{adapt + "--model DIR/truncated.onnx --data FIX/line", 1, `truncated\.onnx: .*(end|byte|length)`},
		{"import DIR/truncated.onnx -o DIR/earlier.secateur", 1, `truncated\.onnx: `},
		{"inspect DIR/truncated.onnx", 1, `truncated\.onnx: `},
		{"inspect DIR/empty.onnx", 1, `empty\.onnx is empty`},
		{"inspect DIR/text.onnx", 1, `text\.onnx: `},
		{"inspect DIR/nosuch.onnx", 1, `nosuch\.onnx: no such file`},
		{"inspect DIR", 1, `is a folder, want a file`},
		{adapt + "--model DIR/cycle.onnx --data FIX/line", 1, `cycle\.onnx: .*cycle`},
		{"import DIR/cycle.onnx -o DIR/earlier.secateur", 1, `cycle`},
		{"import DIR/weights-2^63.onnx -o DIR/earlier.secateur", 1, `\[4294967296 2147483648\]`},
		{"import DIR/input-2^63.onnx -o DIR/earlier.secateur", 1, `more than 2147483647 elements`},
		{adapt + "--model DIR/input-2^63.onnx --data FIX/line", 1, `more than 2147483647 elements`},
		{"import DIR/unknown.onnx -o DIR/earlier.secateur", 1, `unsupported operators: Frob \(1\), Nicate \(1\)`},
		{"eval --model DIR/truncated.secateur --data FIX/line", 1, `truncated\.secateur is damaged: .* cut short`},
		{"eval --model DIR/flipped.secateur --data FIX/line", 1, `flipped\.secateur is damaged: .*crc32c differs`},
		{"export DIR/flipped.secateur -o DIR/earlier.secateur", 1, `flipped\.secateur is damaged`},

		{adapt + "--model DIR/nan.secateur --data FIX/line", 1, `wide\.weight holds NaN at position 7 of 13824: the model is damaged`},
		{"eval --model DIR/nan.onnx --data FIX/line", 1, `holds NaN`},
		{"import DIR/nan.onnx -o DIR/earlier.secateur", 1, `holds NaN`},
		{"predict --model DIR/nan.secateur FIX/line/test/nut/nut00.png", 1, `holds NaN`},
		{"prune --prune l1 --model DIR/nan.secateur -o DIR/earlier.secateur", 1, `holds NaN`},
		{"eval --json --model DIR/overflow.secateur --data FIX/line", 1, `outputs are not finite numbers`},
		{"predict --json --model DIR/overflow.secateur FIX/line/test/nut/nut00.png", 1, `outputs are not finite numbers`},

		{adapt + "--model DIR/two-outputs.secateur --data FIX/line", 1, `2 outputs, a classifier has one`},
		{"eval --model DIR/two-outputs.secateur --data FIX/line", 1, `2 outputs; a classifier has one`},
		{"prune --prune fisher --model DIR/two-outputs.secateur --data FIX/line -o DIR/earlier.secateur", 1, `2 outputs`},
		{adapt + "--model DIR/vector.secateur --data FIX/line", 1, `input "x" has shape 1×8, want N×H×W×3 for a colour picture`},
		{"prune --prune fisher --model DIR/vector.secateur --data FIX/line -o DIR/earlier.secateur", 1, `input "x" has shape`},
		{"prune --prune fisher --model DIR/unlabelled.secateur --data FIX/line -o DIR/earlier.secateur", 1, `this model gives 1×4, want a classifier of the data's 3 classes`},
		{adapt + "--model DIR/gray.secateur --data FIX/line", 1, `want N×H×W×3`},
		{"eval --model DIR/gray.secateur --data FIX/line", 1, `want N×H×W×3`},
		{"predict --model DIR/gray.secateur FIX/line/test/nut/nut00.png", 1, `want N×H×W×3`},
		{"eval --model FIX/bare.onnx --data FIX/line", 1, `0 labels for 3 outputs; import it with --labels`},
		{"predict --model FIX/bare.onnx FIX/line/test/nut/nut00.png", 1, `0 labels for 3 outputs`},
		{"import FIX/bare.onnx --labels DIR/labels.txt -o DIR/earlier.secateur", 2, `2 labels for 3 outputs`},
		{"import FIX/bare.onnx --labels DIR/nosuch.txt -o DIR/earlier.secateur", 1, `nosuch\.txt: no such file`},
		{"import FIX/bare.onnx --std 0,1,1 -o DIR/earlier.secateur", 1, `standard deviation`},

		{adapt + "--model FIX/tiny.onnx --data DIR/nosuch", 3, `nosuch: no such file`},
		{adapt + "--model FIX/tiny.onnx --data DIR/nothing", 3, `no folder of a class`},
		{adapt + "--model FIX/tiny.onnx --data FIX/flat/bolt", 3, `no folder of a class`},
		{adapt + "--model FIX/tiny.onnx --data DIR/empty-class", 3, `class "rivet" has no image`},
		{adapt + "--model FIX/tiny.onnx --data DIR/bomb-class", 3, `class "rivet" has no image.*bomb\.png: .*60000`},
		{adapt + "--model FIX/tiny.onnx --data DIR/text-class", 3, `class "rivet" has no image.*notes\.jpg: `},
		{adapt + "--model FIX/tiny.onnx --data DIR/bad-csv", 3, `split\.csv`},
		{"eval --model FIX/tiny.onnx --data FIX/line", 3, `class "bolt" is not among the 4 classes of the model`},
		{"eval --model FIX/line.secateur --data FIX/line --split val", 3, `no image for the split val`},
		{"eval --model FIX/line.secateur --data FIX/line --split best", 3, `no split "best", want train, val or test`},
		{"predict --model FIX/line.secateur DIR/picture.png", 3, `picture\.png: `},
		{"predict --model FIX/line.secateur DIR/nosuch.png", 3, `nosuch\.png: no such file`},
		{"predict --model FIX/line.secateur DIR/bomb-class/rivet/bomb.png", 3, `bomb\.png: .*60000`},

		{adapt + "--model FIX/tiny.onnx --data FIX/line --prune fishy", 2, `criterion "fishy" is not known`},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --prune l1 --keep macs=lots", 2, `"lots" is no share`},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --resume", 2, `--run DIR`},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --memory-budget 10kB", 5, `MiB.*\n.*hint: `},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --memory-budget 10kB --run DIR/run", 5, `MiB.*\n.*hint: `},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --lr 9 --weight-decay 1e30", 1, `diverged .* lower --lr`},
		{"adapt -o DIR/nosuch/out.secateur --model FIX/tiny.onnx --data FIX/line", 1, `nosuch/out\.secateur cannot be written: no such file or directory`},
		{"export FIX/tiny.secateur -o DIR/nosuch/out.onnx", 1, `cannot be written`},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --report DIR/nosuch/report.html", 1, `report\.html cannot be written`},
		{adapt + "--model FIX/tiny.onnx --data FIX/line --run DIR/picture.png", 1, `picture\.png: not a directory`},
	} {
		t.Run(c.args, func(t *testing.T) {
			before := snapshot(t, dir)
			line := strings.NewReplacer("DIR", dir, "FIX", fix).Replace(c.args)
			o := secateur(context.Background(), append(strings.Fields(line), "--quiet")...)
			if o.code != c.code {
				t.Errorf("exit code %d, want %d", o.code, c.code)
			}
			if err := isOneError(o.stderr); err != nil {
				t.Error(err)
			}
			if !regexp.MustCompile(c.want).MatchString(o.stderr) {
				t.Errorf("standard error %q, want %s", o.stderr, c.want)
			}
			if o.stdout != "" {
				t.Errorf("standard output %q, want nothing", o.stdout)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("files changed:\n%s", diff)
			}
		})
	}
}

// TestBadPicturesAreSkipped: a data set with an image bomb and a text file among good pictures
// trains; both are named.
func TestBadPicturesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	copyTree(t, fixtures()+"/line", dir)
	bomb := imageBomb()
	if len(bomb) > 10<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	write(t, dir+"/train/nut/bomb.png", bomb)
	write(t, dir+"/test/bolt/notes.jpg", []byte("not a picture\n"))
	o := secateur(context.Background(), "adapt", "--model", fixtures()+"/tiny.onnx", "--data", dir, "-o", dir+"/out.secateur", "--epochs", "1", "--head-steps", "2")
	if o.code != exitOK {
		t.Fatalf("exit code %d: %s", o.code, o.stderr)
	}
	for _, want := range []string{`(?m)^skipped .*bomb\.png: .*60000`, `(?m)^skipped .*notes\.jpg: `, `30 training, 0 validation, 18 test images`} {
		if !regexp.MustCompile(want).MatchString(o.stderr) {
			t.Errorf("standard error %q, want %s", o.stderr, want)
		}
	}
}

// TestPredictNamesEachBadPicture once, and classifies the others.
func TestPredictNamesEachBadPicture(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.jpg", "b.jpg"} {
		write(t, filepath.Join(dir, name), []byte("no"))
	}
	good := fixtures() + "/line/test/nut/nut00.png"
	o := secateur(context.Background(), "predict", "--model", fixtures()+"/line.secateur", dir+"/a.jpg", good, dir+"/b.jpg", good)
	if o.code != exitData || strings.Count(o.stdout, "nut00.png") != 2 {
		t.Errorf("exit code %d, output %q", o.code, o.stdout)
	}
	if all := lines(o.stderr); len(all) != 2 || !strings.Contains(all[0], "a.jpg") || !strings.HasPrefix(all[1], "secateur: error: ") || !strings.Contains(all[1], "b.jpg") {
		t.Errorf("standard error %q, want a line for each bad picture", o.stderr)
	}
}

// detector has two outputs.
func detector() *graph.Graph {
	g := tinyNet(lineClasses)
	g.Outputs = append(g.Outputs, g.Node("wide.relu"))
	return g
}

// vectorNet reads vectors.
func vectorNet() *graph.Graph {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 8}, nil)
	h := g.Add("h", op.Relu{}, g.Add("a", op.Gemm{}, x, normal(g, "a.weight", tensor.Shape{32, 8}, 0.1)))
	g.Outputs = []*graph.Node{g.Add("y", op.Gemm{}, h, normal(g, "y.weight", tensor.Shape{3, 32}, 0.1))}
	g.SetLabels(lineClasses)
	return g
}

// grayNet reads pictures of one channel.
func grayNet() *graph.Graph {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 16, 16, 1}, nil)
	h := g.Add("pool", op.GlobalAveragePool{}, conv(g, "a", x, 8, 2))
	h = g.Add("features", op.Reshape{Dims: []int{8}}, h)
	g.Outputs = []*graph.Node{g.Add("y", op.Gemm{}, h, normal(g, "y.weight", tensor.Shape{3, 8}, 0.1))}
	g.SetLabels(lineClasses)
	return g
}

func spoilONNX(t *testing.T, path string, spoil func(*wire.Graph)) {
	t.Helper()
	m, err := wire.Parse(read(t, fixtures()+"/tiny.onnx"))
	must(err)
	spoil(m.Graph)
	b, err := m.Marshal()
	must(err)
	write(t, path, b)
}

// hugeWeight is an ONNX model of one initializer whose shape multiplies to 2⁶³. Numbers of fields
// are those of onnx.proto.
func hugeWeight() []byte {
	message := func(b []byte, field protowire.Number, inside []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), inside)
	}
	number := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	weight := message(number(number(number(nil, 1, 1<<32), 1, 1<<31), 2, 1), 8, []byte("w"))
	return message(message(number(nil, 1, 8), 7, message(nil, 5, weight)), 8, number(nil, 2, 13))
}

// imageBomb is a PNG of a few bytes whose header says 60000×60000.
func imageBomb() []byte {
	var b bytes.Buffer
	must(png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))))
	p := b.Bytes()
	binary.BigEndian.PutUint32(p[16:], 60000)
	binary.BigEndian.PutUint32(p[20:], 60000)
	binary.BigEndian.PutUint32(p[29:], crc32.ChecksumIEEE(p[12:29]))
	return p
}

func flipped(b []byte, at int) []byte {
	c := slices.Clone(b)
	c[at] ^= 0x10
	return c
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	must(os.CopyFS(to, os.DirFS(from)))
}

// snapshot is the name of everything in dir, with a checksum of the files.
func snapshot(t testing.TB, dir string) map[string]uint32 {
	t.Helper()
	files := map[string]uint32{}
	must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[path] = 0
			return err
		}
		files[path] = crc32.ChecksumIEEE(read(t, path))
		return nil
	}))
	return files
}
