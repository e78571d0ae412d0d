package data

import (
	"os"
	"path/filepath"
	"testing"
)

// sharedData is the folder of a real data set, given by SECATEUR_TESTDATA.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("SECATEUR_TESTDATA")
	if root == "" {
		root = "../../../shared/data"
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no %s: set SECATEUR_TESTDATA to the folder of the real data sets", dir)
	}
	return dir
}

// The counts are those of each set's README.
func TestRealSets(t *testing.T) {
	for _, c := range []struct {
		name             string
		classes          []string
		train, val, test []int
	}{
		{"neu-det", []string{"crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"},
			repeatInt(240, 6), repeatInt(0, 6), repeatInt(60, 6)},
		{"hymenoptera", []string{"ants", "bees"}, []int{123, 121}, []int{70, 83}, []int{0, 0}},
		{"cifar10-jpeg-mini", []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
			repeatInt(100, 10), repeatInt(0, 10), repeatInt(100, 10)},
	} {
		s := open(t, sharedData(t, c.name), Options{HeaderOnly: true})
		same(t, c.name+" classes", s.Classes, c.classes)
		same(t, c.name+" train", Count(s.Train, len(s.Classes)), c.train)
		same(t, c.name+" val", Count(s.Val, len(s.Classes)), c.val)
		same(t, c.name+" test", Count(s.Test, len(s.Classes)), c.test)
		same(t, c.name+" skipped", len(s.Skipped), 0)
	}
}

func repeatInt(v, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// Magnetic tiles come in groups of the same tile, which no split may part.
func TestMagneticTile(t *testing.T) {
	s := open(t, sharedData(t, "magnetic-tile"), Options{})
	same(t, "classes", s.Classes, []string{"blowhole", "break", "crack", "fray", "free", "uneven"})
	same(t, "parts", []int{len(s.Train), len(s.Val), len(s.Test), len(s.Skipped)}, []int{473, 0, 219, 0})
	before := Count(s.Train, 6)
	s.HoldOut(0.2, 1)
	side := map[string]bool{}
	for _, x := range s.Train {
		side[x.Group] = true
	}
	for _, x := range s.Val {
		if side[x.Group] {
			t.Errorf("group %s is on both sides", x.Group)
		}
	}
	for c, n := range Count(s.Val, 6) {
		if share := float64(n) / float64(before[c]); share < 0.1 || share > 0.25 {
			t.Errorf("%s: %d of %d held out, want about a fifth", s.Classes[c], n, before[c])
		}
	}
}

// BenchmarkPrepare is photos of half a megapixel, from the file to the input of a network, one thread.
func BenchmarkPrepare(b *testing.B) {
	paths, err := filepath.Glob(filepath.Join(sharedData(b, "hymenoptera"), "val", "*", "*.jpg"))
	must(b, err)
	p := Preprocess{Width: 224, Height: 224, Std: [3]float32{58, 57, 57}}
	dst, r := make([]float32, p.Floats()), new(Resizer)
	for b.Loop() {
		for _, path := range paths[:40] {
			_, err := p.PrepareFile(dst, path, r)
			must(b, err)
		}
	}
	b.ReportMetric(float64(40*b.N)/b.Elapsed().Seconds(), "images/s")
}
