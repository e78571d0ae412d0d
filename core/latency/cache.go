package latency

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/secateur/secateur/core/graph"
)

// machine is what measured times hold for.
type machine struct {
	CPU     string `json:"cpu"`
	Clock   string `json:"clock_khz,omitempty"` // the highest of the first core, where the system says it
	Kernels string `json:"kernels"`
	Threads int    `json:"threads"`
	Program string `json:"program"` // version and revision: another one has other kernels
}

// stored is the cache file.
type stored struct {
	Machine machine          `json:"machine"`
	Times   map[string]int64 `json:"ns"`
}

// Open is the table of this machine with what earlier runs left in the user's cache folder. A cache that cannot be
// read is an empty one.
func Open(e graph.Env) *Table {
	t := New(e.Kernels.Width, Time(e))
	t.machine = machine{CPU: cpuModel(), Clock: clock(), Kernels: e.Kernels.Name, Threads: e.Pool.Threads(), Program: program()}
	dir, err := os.UserCacheDir()
	if err != nil {
		return t
	}
	sum := sha256.Sum256(fmt.Append(nil, t.machine))
	t.path = filepath.Join(dir, "secateur", fmt.Sprintf("latency-%x.json", sum[:8]))
	t.load()
	return t
}

func (t *Table) load() {
	b, err := os.ReadFile(t.path)
	var s stored
	if err != nil || json.Unmarshal(b, &s) != nil || s.Machine != t.machine || s.Times == nil {
		return
	}
	t.times = s.Times
}

// Save keeps what was measured for later runs. It replaces the cache file in one go. What cannot be kept is
// measured again by the next run.
func (t *Table) Save() {
	if t.path != "" && t.fresh && t.write() == nil {
		t.fresh = false
	}
}

func (t *Table) write() error {
	b, err := json.Marshal(stored{t.machine, t.times})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(t.path), "latency-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), t.path)
}

// cpuModel is what Linux calls the processor: its model name, on ARM the parts of its cores.
func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	seen := map[string]bool{}
	model := runtime.GOARCH
	for line := range strings.Lines(string(info)) {
		name, value, _ := strings.Cut(line, ":")
		switch name = strings.TrimSpace(name); name {
		case "model name", "CPU implementer", "CPU part":
			if value = strings.TrimSpace(value); !seen[value] {
				seen[value] = true
				model += " " + value
			}
		}
	}
	return model
}

func clock() string {
	khz, _ := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
	return strings.TrimSpace(string(khz))
}

// program is the version of this program, with the revision it was built from.
func program() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v
}
