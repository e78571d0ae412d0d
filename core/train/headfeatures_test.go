package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
)

// TestFeatures: rows come back as they were, packed ones to within 1/254 of the largest of the row.
func TestFeatures(t *testing.T) {
	const images, width = 7, 37
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, images*width)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * float32(i/width)
	}
	for _, packed := range []bool{false, true} {
		f := newHeadFeatures(toy.Env(t), images, width, packed)
		f.put(0, x[:5*width])
		f.put(5, x[5*width:])
		want := int64(4 * images * width)
		if packed {
			want = images * (width + 4)
		}
		if f.bytes() != want {
			t.Errorf("packed %v: %d bytes, want %d", packed, f.bytes(), want)
		}
		got := make([]float32, width)
		for i := range images {
			row, top := x[i*width:][:width], 0.0
			for _, v := range row {
				top = max(top, math.Abs(float64(v)))
			}
			f.get(got, i)
			for k, v := range row {
				if e := math.Abs(float64(got[k] - v)); e > top/253.9 || !packed && e > 0 {
					t.Fatalf("packed %v: %v comes back as %v, the largest of the row is %v", packed, v, got[k], top)
				}
			}
		}
	}
}

// TestHeadFeed: steps over fewer images than there are see each as often, with its class.
func TestHeadFeed(t *testing.T) {
	samples := samplesOf("train", 3, 4)
	f := headFeed{headFeatures: newHeadFeatures(toy.Env(t), 7, 1, false), samples: samples, seed: 1, classes: 2}
	f.put(0, []float32{0, 1, 2, 3, 4, 5, 6})
	seen := make([]int, 7)
	x, y := make([]float32, 3), make([]float32, 6)
	for range 7 {
		if n := f.next(x, y); n != 3 {
			t.Fatalf("%d rows, want 3", n)
		}
		for i, v := range x {
			seen[int(v)]++
			if want := samples[int(v)].Class; y[2*i+want] != 1 || y[2*i+1-want] != 0 {
				t.Errorf("image %v has target %v, want class %d", v, y[2*i:][:2], want)
			}
		}
	}
	if !slices.Equal(seen, []int{3, 3, 3, 3, 3, 3, 3}) {
		t.Errorf("images are seen %v times in 21 draws, want 3 each", seen)
	}
}

// TestCacheRealData: a head learns from packed features, in steps over a part of the images, what it learns from
// unpacked ones.
func TestCacheRealData(t *testing.T) {
	c := realConfig(t, "model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", "neu-det", onnx.Options{}, 45, 10)
	c.Part, c.Epochs = Head, 0
	var head [2]Event
	var accuracy [2]float64
	for i := range head {
		c.Cache = i == 1
		c.On = func(e Event) {
			if e.Event == "head" {
				head[i] = e
			}
		}
		r, err := Adapt(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		accuracy[i] = r.Dense.Accuracy
		t.Logf("packed %v: %d bytes, accuracy %.3f of %d", head[i].Packed, head[i].CacheBytes, accuracy[i], r.Dense.Images)
	}
	if head[0].Packed || !head[1].Packed || float64(head[1].CacheBytes) > 0.26*float64(head[0].CacheBytes) {
		t.Errorf("%d bytes packed, %d unpacked", head[1].CacheBytes, head[0].CacheBytes)
	}
	if math.Abs(accuracy[0]-accuracy[1]) > 0.05 || accuracy[0] < 0.7 {
		t.Errorf("accuracy %.3f unpacked and %.3f packed", accuracy[0], accuracy[1])
	}
}

// TestCacheByBudget: features are packed where a step over all images does not fit the memory.
func TestCacheByBudget(t *testing.T) {
	net, err := ReplaceHead(toy.SmallNet("x", "y"), toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		budget int64
		cache  bool
		packed bool
		rows   int
	}{{0, false, false, 400}, {0, true, true, headRows}, {1, false, true, headRows}, {64 << 20, false, false, 400}} {
		j := &job{task: classifier{}, Config: Config{Env: toy.Env(t), MemoryBudget: c.budget, Cache: c.cache}, net: net, train: samplesOf("train", 100, 100, 200)}
		p, packed, err := j.compileHead()
		if err != nil {
			t.Fatal(err)
		}
		if rows := len(p.Data(target)) / len(toy.Classes); packed != c.packed || rows != c.rows {
			t.Errorf("budget %d, cache %v: packed %v and %d rows a step, want %v and %d", c.budget, c.cache, packed, rows, c.packed, c.rows)
		}
	}
}
