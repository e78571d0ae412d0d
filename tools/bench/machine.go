package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"github.com/secateur/secateur/kernels"
)

// Machine is what decides how fast kernels are. It names no host.
type Machine struct {
	CPU       string   `json:"cpu"`
	Arch      string   `json:"arch"`
	CPUs      int      `json:"cpus"`    // that the process may use
	Set       string   `json:"kernels"` // the set of kernels that is chosen
	Reason    string   `json:"reason"`
	Available []string `json:"available"`
	Features  []string `json:"features"`
	L1D       int      `json:"l1d_bytes"` // -1 where the CPU does not tell
	L2        int      `json:"l2_bytes"`
	L3        int      `json:"l3_bytes"`
	Memory    int64    `json:"memory_bytes"` // 0 where the system does not tell
}

// ThisMachine describes the machine, or says why no set of kernels can be chosen.
func ThisMachine() (Machine, error) {
	name, reason, err := kernels.Choice()
	if err != nil {
		return Machine{}, err
	}
	c := cpuid.CPU
	m := Machine{CPU: c.BrandName, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0), Set: name, Reason: reason,
		Features: features(), L1D: c.Cache.L1D, L2: c.Cache.L2, L3: c.Cache.L3}
	if m.CPU == "" {
		m.CPU = cpuName()
	}
	for _, s := range kernels.Available() {
		m.Available = append(m.Available, s.Name)
	}
	text, _ := os.ReadFile("/proc/meminfo")
	m.Memory = memTotal(string(text))
	return m, nil
}

// features are those of the CPU that kernels could use.
func features() []string {
	out := []string{}
	for _, f := range []cpuid.FeatureID{cpuid.SSE42, cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ,
		cpuid.AVX512VL, cpuid.AVX512VNNI, cpuid.AVX512BF16, cpuid.ASIMD, cpuid.ASIMDHP, cpuid.ASIMDDP, cpuid.SVE} {
		if cpuid.CPU.Supports(f) {
			out = append(out, strings.ToLower(f.String()))
		}
	}
	return out
}

// cpuName is what /proc/cpuinfo or the device tree call the machine.
func cpuName() string {
	if b, err := os.ReadFile("/proc/device-tree/model"); err == nil {
		return strings.TrimRight(string(b), "\x00\n")
	}
	return "unnamed " + runtime.GOARCH
}

// memTotal is MemTotal of /proc/meminfo in bytes.
func memTotal(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if v, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
