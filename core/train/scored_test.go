package train

import (
	"fmt"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/data"
)

// TestScored: few images all say which filters go, of many a balanced draw, and all where Γ of all is there already.
func TestScored(t *testing.T) {
	drawn := func(n int, gates map[string][]float32) []data.Sample {
		j := &job{Config: Config{Data: &data.Splits{Classes: []string{"many", "few"}}, Seed: 1}, gates: gates}
		for i := range n {
			j.train = append(j.train, data.Sample{Name: fmt.Sprint(i), Class: min(1, i%5/4)})
		}
		return j.scored()
	}
	if n := len(drawn(scoringImages, nil)); n != scoringImages {
		t.Errorf("%d of %d images", n, scoringImages)
	}
	few := drawn(1000, nil)
	if counts := data.Count(few, 2); !slices.Equal(counts, []int{scoringImages / 2, scoringImages / 2}) {
		t.Errorf("%v images of the classes, want half of %d each", counts, scoringImages)
	}
	if !slices.EqualFunc(few, drawn(1000, nil), func(a, b data.Sample) bool { return a.Name == b.Name }) {
		t.Error("another draw by the same seed")
	}
	if n := len(drawn(1000, map[string][]float32{"a": nil})); n != 1000 {
		t.Errorf("%d images, want the 1000 that the gates are of", n)
	}
}
