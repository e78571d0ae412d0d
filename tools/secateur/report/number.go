package report

import (
	"math"
	"strconv"
	"strings"
)

const (
	none  = "–"      // stands for a number that is not there
	space = "\u00a0" // keeps a number and its unit on one line
)

// drawable says whether v can stand on an axis: finite, and small enough that differences stay so.
func drawable(v float64) bool { return math.Abs(v) <= 1e30 }

// isShare says whether v is a number from 0 to 1.
func isShare(v float64) bool { return v >= 0 && v <= 1 }

// percent is a share as text, 0.934 → "93.4 %".
func percent(v float64) string {
	if !isShare(v) {
		return none
	}
	return strconv.FormatFloat(100*v, 'f', 1, 64) + space + "%"
}

// points is the difference of two shares as text, "−1.2 points".
func points(from, to float64) string {
	if !isShare(from) || !isShare(to) {
		return ""
	}
	d := math.Round(1000*(to-from)) / 10
	s := strconv.FormatFloat(math.Abs(d), 'f', 1, 64) + space + "points"
	switch {
	case d < 0:
		return "−" + s
	case d > 0:
		return "+" + s
	}
	return "±" + s
}

// count is a number with a decimal prefix, 12345678 → "12.3 M".
func count(n int64) string { return prefixed(float64(n), "") }

// prefixed is v to three digits with one of the decimal prefixes k to E.
func prefixed(v float64, unit string) string {
	prefix := 0
	for math.Abs(v) >= 999.5 && prefix < 6 {
		v /= 1000
		prefix++
	}
	p := [...]string{"", "k", "M", "G", "T", "P", "E"}[prefix]
	digits := three(v)
	if prefix == 0 {
		digits = strconv.FormatFloat(v, 'f', -1, 64)
	}
	if p+unit == "" {
		return digits
	}
	return digits + space + p + unit
}

// three is v with about three digits.
func three(v float64) string {
	switch a := math.Abs(v); {
	case !drawable(v):
		return none
	case a >= 1e6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// millis is a duration in milliseconds as text.
func millis(v float64) string { return three(v) + space + "ms" }

// ratio is to over from as text, "0.48×".
func ratio(from, to float64) string {
	r := to / from
	if !(from > 0 && to > 0 && drawable(r)) {
		return ""
	}
	if r >= 0.095 && r < 9.995 {
		return strconv.FormatFloat(r, 'f', 2, 64) + "×"
	}
	return strconv.FormatFloat(r, 'g', 2, 64) + "×"
}

// wilson is the 95 % interval of an accuracy that was measured on n images (Wilson 1927, the score
// interval: it holds for small n and near 0 and 1).
func wilson(share float64, n int) (lo, hi float64) {
	const z = 1.96
	k := float64(n)
	mid := (share + z*z/(2*k)) / (1 + z*z/k)
	half := z / (1 + z*z/k) * math.Sqrt(share*(1-share)/k+z*z/(4*k*k))
	return max(0, mid-half), min(1, mid+half)
}

// plural is n with its noun, "1 filter", "2 filters", "2 boxes".
func plural(n int, noun string) string {
	if n == 1 {
		return "1" + space + noun
	}
	if strings.HasSuffix(noun, "x") {
		noun += "e"
	}
	return strconv.Itoa(n) + space + noun + "s"
}
