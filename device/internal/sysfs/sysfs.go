// Package sysfs reads the small files in which the kernel shows hardware, below a root that tests can replace.
package sysfs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Text is a file without white space and NULs around it.
func Text(elem ...string) (string, error) {
	b, err := os.ReadFile(filepath.Join(elem...))
	return strings.Trim(string(b), " \t\r\n\x00"), err
}

// Int is a file that holds a number, decimal or with 0x in front.
func Int(elem ...string) (int64, error) {
	s, err := Text(elem...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 0, 64)
}

// Glob lists what matches a pattern below root; none is no error.
func Glob(root, pattern string) []string {
	names, _ := filepath.Glob(filepath.Join(escape(root), pattern))
	return names
}

// escape takes the meaning from the characters of a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// List reads the kernel's lists of numbers: 0-3,6.
func List(s string) []int {
	var out []int
	for part := range strings.SplitSeq(strings.TrimSpace(s), ",") {
		first, last, isRange := strings.Cut(part, "-")
		lo, err := strconv.Atoi(first)
		if err != nil {
			continue
		}
		hi := lo
		if isRange {
			if hi, err = strconv.Atoi(last); err != nil {
				continue
			}
		}
		for i := lo; i <= min(hi, lo+4096); i++ {
			out = append(out, i)
		}
	}
	return out
}
