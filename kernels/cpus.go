package kernels

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// cpus is the number of CPUs that the process may use. GOMAXPROCS obeys affinity and, since Go
// 1.25, the limit of the cgroup, but never goes below two for that: with less than two CPUs a
// second thread would spin away the time of the first.
func cpus() int {
	n := runtime.GOMAXPROCS(0)
	if runtime.GOOS == "linux" {
		n = within(n, cgroupCPUs(os.DirFS("/")))
	}
	return n
}

// within is n CPUs, or as many whole ones as the limit needs if that is less. The limit may be
// +Inf, which is not converted: as an integer it is the lowest one on amd64.
func within(n int, limit float64) int {
	return int(max(1, min(float64(n), math.Ceil(limit))))
}

// cgroupCPUs is the CPU time per time that the cgroups of the process allow, under the root of a
// file system; +Inf without a limit. It knows version 2 (cpu.max) and 1 (cpu.cfs_quota_us).
func cgroupCPUs(root fs.FS) float64 {
	limit := math.Inf(1)
	lines, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(lines)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		switch {
		case len(part) < 3:
		case part[1] == "":
			limit = min(limit, upwards(root, "sys/fs/cgroup", part[2], maxCPUs))
		case strings.Contains(","+part[1]+",", ",cpu,"):
			limit = min(limit, upwards(root, "sys/fs/cgroup/cpu", part[2], quotaCPUs))
		}
	}
	return limit
}

// upwards is the smallest limit of a cgroup and those around it. Within a container the path may
// not exist; its top does.
func upwards(root fs.FS, mount, group string, read func(root fs.FS, dir string) float64) float64 {
	limit := math.Inf(1)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		limit = min(limit, read(root, path.Join(mount, group)))
		if group == "/" {
			return limit
		}
	}
}

// maxCPUs reads "quota period", or "max period", in microseconds.
func maxCPUs(root fs.FS, dir string) float64 {
	text, _ := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return ratio(quota, period)
}

// quotaCPUs reads the two files of version 1; a quota of -1 is none.
func quotaCPUs(root fs.FS, dir string) float64 {
	quota, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	period, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

func ratio(quota, period string) float64 {
	q, err := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err != nil || err2 != nil || !(q > 0) || !(p > 0) {
		return math.Inf(1)
	}
	return q / p
}
