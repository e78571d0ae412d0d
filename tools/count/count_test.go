package main

import (
	"strings"
	"testing"
)

// TestCompare allows 1 % either way and wants every count to be in the golden file.
func TestCompare(t *testing.T) {
	golden := render([]counts{{"cortex-a53", "kernels", 100_000, 7}, {"cortex-a53", "secateur", 200_000, 7}})
	for _, c := range []struct {
		about string
		got   counts
		says  string
	}{
		{"the same", counts{"cortex-a53", "kernels", 100_000, 7}, ""},
		{"1 % more", counts{"cortex-a53", "kernels", 101_000, 7}, ""},
		{"1 % less", counts{"cortex-a53", "secateur", 198_000, 7}, ""},
		{"too many", counts{"cortex-a53", "kernels", 101_001, 7}, "cortex-a53 kernels: 101001 instructions, golden 100000"},
		{"too few", counts{"cortex-a53", "secateur", 197_999, 7}, "golden 200000"},
		{"a CPU that is not there", counts{"cortex-a76", "kernels", 100_000, 7}, "golden 0"},
	} {
		err := compare([]counts{c.got}, golden)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", c.about, err, c.says)
		}
	}
}
