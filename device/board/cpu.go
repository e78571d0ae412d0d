package board

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/secateur/secateur/device/internal/sysfs"
)

// CPU is a processor that is on line.
type CPU struct {
	Number int    `json:"number"`
	Core   string `json:"core"`              // Cortex-A76; the model name on x86
	Part   string `json:"part,omitempty"`    // implementer/part of ARM, 0x41/0xd0b
	MaxKHz int64  `json:"max_khz,omitempty"` // 0 where cpufreq does not say
}

// Cluster is CPUs of one kind that share a cache or a clock.
type Cluster struct {
	Core string `json:"core"`
	CPUs []int  `json:"cpus"`
}

// cores names what implementer and part of /proc/cpuinfo stand for.
var cores = map[string]string{
	"0x41/0xd03": "Cortex-A53", "0x41/0xd04": "Cortex-A35", "0x41/0xd05": "Cortex-A55", "0x41/0xd07": "Cortex-A57",
	"0x41/0xd08": "Cortex-A72", "0x41/0xd09": "Cortex-A73", "0x41/0xd0a": "Cortex-A75", "0x41/0xd0b": "Cortex-A76",
	"0x41/0xd0c": "Neoverse N1", "0x41/0xd0d": "Cortex-A77", "0x41/0xd41": "Cortex-A78", "0x41/0xd42": "Cortex-A78AE",
	"0x4e/0x003": "Denver 2", "0x4e/0x004": "Carmel",
}

// readCPUs reads /proc/cpuinfo, which lists CPUs on line alone, and how they are grouped.
func (b *Board) readCPUs(root string) error {
	text, err := sysfs.Text(root, "proc/cpuinfo")
	if err != nil {
		return err
	}
	b.CPUs, b.Features, b.Revision = parseCPUInfo(text)
	if len(b.CPUs) == 0 {
		return fmt.Errorf("%s lists no processor", filepath.Join(root, "proc/cpuinfo"))
	}
	online := map[int]bool{}
	for i := range b.CPUs {
		c := &b.CPUs[i]
		online[c.Number] = true
		c.MaxKHz, _ = sysfs.Int(cpuDir(root, c.Number), "cpufreq/cpuinfo_max_freq")
	}
	b.Offline = []int{}
	present, _ := sysfs.Text(root, "sys/devices/system/cpu/present")
	for _, n := range sysfs.List(present) {
		if !online[n] {
			b.Offline = append(b.Offline, n)
		}
	}
	b.Clusters = clusters(root, b.CPUs)
	return nil
}

func cpuDir(root string, n int) string {
	return filepath.Join(root, "sys/devices/system/cpu", "cpu"+strconv.Itoa(n))
}

// parseCPUInfo reads the text of arm64 and x86: a paragraph a CPU, and on a Pi one about the board.
func parseCPUInfo(text string) (cpus []CPU, features []string, revision string) {
	common := map[string]int{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		f := fields(paragraph)
		if r := f["Revision"]; r != "" {
			revision = r
		}
		n, err := strconv.Atoi(f["processor"])
		if err != nil {
			continue
		}
		cpus = append(cpus, CPU{Number: n, Core: coreName(f), Part: part(f)})
		for _, x := range strings.Fields(f["Features"] + f["flags"]) {
			common[x]++
		}
	}
	for x, n := range common {
		if n == len(cpus) {
			features = append(features, x)
		}
	}
	slices.Sort(features)
	return cpus, features, revision
}

// fields is the "key : value" lines of a paragraph.
func fields(paragraph string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(paragraph) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return m
}

func part(f map[string]string) string {
	if f["CPU part"] == "" {
		return ""
	}
	return f["CPU implementer"] + "/" + f["CPU part"]
}

func coreName(f map[string]string) string {
	if name := f["model name"]; name != "" && part(f) == "" {
		return name
	}
	if name, ok := cores[part(f)]; ok {
		return name
	}
	return "part " + part(f)
}

// clusters groups CPUs by what shares the kernel's cluster, or else a clock, or else their kind.
func clusters(root string, cpus []CPU) []Cluster {
	byKey := map[string]*Cluster{}
	for _, c := range cpus {
		key := c.Core + clusterKey(root, c.Number)
		if byKey[key] == nil {
			byKey[key] = &Cluster{Core: c.Core}
		}
		byKey[key].CPUs = append(byKey[key].CPUs, c.Number)
	}
	out := []Cluster{}
	for _, c := range slices.SortedFunc(maps.Values(byKey), func(a, b *Cluster) int { return a.CPUs[0] - b.CPUs[0] }) {
		out = append(out, *c)
	}
	return out
}

func clusterKey(root string, n int) string {
	for _, name := range []string{"topology/cluster_cpus_list", "cpufreq/related_cpus", "topology/core_siblings_list"} {
		if s, err := sysfs.Text(cpuDir(root, n), name); err == nil && s != "" {
			return s
		}
	}
	return ""
}
