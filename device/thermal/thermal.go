// Package thermal reads how warm the box is.
package thermal

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Celsius is the highest temperature of the kernel's thermal zones below root ("/" on a box), 0
// where there is none that can be read. A zone that reports nonsense (outside -40 to 150) is left
// out: some boards have zones that are not wired.
func Celsius(root string) float64 {
	zones, _ := filepath.Glob(filepath.Join(root, "sys/class/thermal/thermal_zone*/temp"))
	hottest := 0.0
	for _, z := range zones {
		b, err := os.ReadFile(z)
		if err != nil {
			continue
		}
		milli, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if c := float64(milli) / 1000; err == nil && c > -40 && c < 150 {
			hottest = max(hottest, c)
		}
	}
	return hottest
}
