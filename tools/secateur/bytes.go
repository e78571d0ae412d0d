package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseBytes reads 256MiB, 1.5GB, 4096: an amount of memory.
func parseBytes(s string) (int64, error) {
	units := []struct {
		suffix string
		factor float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v > 0) || v*u.factor > math.MaxInt64/2 {
			break
		}
		return int64(v * u.factor), nil
	}
	return 0, fmt.Errorf("%q is no amount of memory, want 256MiB or 1GB", s)
}
