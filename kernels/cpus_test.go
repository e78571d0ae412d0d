package kernels

import (
	"math"
	"runtime"
	"testing"
	"testing/fstest"
)

func TestCgroupCPUs(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"none":             {nil, inf},
		"no limit":         {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, inf},
		"half a CPU":       {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 0.5},
		"of the parent":    {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, 1.5},
		"of the container": {map[string]string{"proc/self/cgroup": "0::/outside\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3},
		"version 1": {map[string]string{"proc/self/cgroup": "3:memory:/\n2:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "100000\n",
			"sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "50000\n"}, 2},
		"version 1, no limit": {map[string]string{"proc/self/cgroup": "2:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n"}, inf},
		"damaged": {map[string]string{"proc/self/cgroup": "0\n0::/a\n", "sys/fs/cgroup/a/cpu.max": "many few\n"}, inf},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cgroupCPUs(root); got != c.want {
			t.Errorf("%s: %v CPUs, want %v", name, got, c.want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		n     int
		limit float64
		want  int
	}{{2, math.Inf(1), 2}, {4, 2, 2}, {4, 1.5, 2}, {4, 0.2, 1}, {1, 3, 1}} {
		if got := within(c.n, c.limit); got != c.want {
			t.Errorf("%d CPUs within a limit of %v are %d, want %d", c.n, c.limit, got, c.want)
		}
	}
}

// TestThreadsByDefault: no more than GOMAXPROCS, which obeys affinity and cgroups.
func TestThreadsByDefault(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := NewPool(0)
	defer p.Close()
	if p.Threads() != 1 {
		t.Errorf("%d threads with GOMAXPROCS 1, want 1", p.Threads())
	}
}
