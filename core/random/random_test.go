package random

import (
	"math"
	"strconv"
	"testing"
)

// The numbers of a stream are part of what a checkpoint means: they may never change.
func TestStreamIsPinned(t *testing.T) {
	r := Stream(1, "shuffle", 2)
	got := [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}
	want := [3]uint64{0x676e6851b3914cf2, 0xbee09e5e4292fbac, 0x42f47e49e7279238}
	if got != want {
		t.Errorf("Stream(1, shuffle, 2) draws %#x, want %#x", got, want)
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for seed := range uint64(4) {
		for _, name := range []string{"", "a", "ab", "shuffle", "\x00"} {
			for step := range uint64(4) {
				id := strconv.FormatUint(seed, 10) + "/" + name + "/" + strconv.FormatUint(step, 10)
				v := Stream(seed, name, step).Uint64()
				if other, ok := seen[v]; ok {
					t.Errorf("streams %q and %q begin alike", id, other)
				}
				seen[v] = id
			}
		}
	}
}

func TestUnitIsUniform(t *testing.T) {
	const n, bins = 20000, 10
	var count [bins]float64
	for i := range n {
		count[int(bins*Unit(3, strconv.Itoa(i)))]++
	}
	for i, c := range count {
		if math.Abs(c-n/bins) > 5*math.Sqrt(n/bins) {
			t.Errorf("bin %d holds %g of %d names, want about %d", i, c, n, n/bins)
		}
	}
}
