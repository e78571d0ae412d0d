package doctor

import (
	"fmt"
	"strings"

	"github.com/secateur/secateur/device/board"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var boardChecks = []Check{
	{"board.known", "compatible and model of the device tree", "neither board nor SoC has a profile", "set box.board in config.toml to the nearest profile", boardKnown},
	{"board.cpus", "CPUs present and on line", "some are off: a power mode of nvpmodel does that", "nvpmodel -q; nvpmodel -m 0 for all of them, or leave it if the supply is weak", boardCPUs},
	{"board.clock", "scaling governor of the CPUs", "powersave holds them at the lowest clock", "set the governor to ondemand or schedutil", boardClock},
	{"board.kernels", "CPU features against the sets of kernels", "none can be chosen, or SECATEUR_KERNELS forces one", "unset SECATEUR_KERNELS", boardKernels},
	{"board.version", "kernel and L4T release against versions known to fail", "this one is among them", "install the version that the profile names", boardVersion},
	{"board.memory", "MemTotal against the limit of the training", "inference would have less than 128 MiB left", "lower train.memory in config.toml", boardMemory},
}

func boardKnown(b *Box) Result {
	if b.Board == nil {
		return fail("%v", b.BoardErr)
	}
	var parts []string
	for _, c := range b.Board.Clusters {
		parts = append(parts, fmt.Sprintf("%d × %s", len(c.CPUs), c.Core))
	}
	what := fmt.Sprintf("%s (%s), %s, %d MiB", b.Board.Name, b.Board.Model, strings.Join(parts, " + "), b.Board.MemoryBytes>>20)
	if b.Board.Warning != "" {
		return warn("%s; %s", b.Board.Warning, what)
	}
	return ok("%s", what)
}

func boardCPUs(b *Box) Result {
	if b.Board == nil {
		return none("the board cannot be read")
	}
	if off := b.Board.Offline; len(off) > 0 {
		return warn("%d on line, off: %v", len(b.Board.CPUs), off)
	}
	return ok("all %d on line", len(b.Board.CPUs))
}

func boardClock(b *Box) Result {
	seen := map[string]bool{}
	var list []string
	for _, path := range b.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_governor") {
		if g := b.text(path); !seen[g] {
			seen[g] = true
			list = append(list, g)
		}
	}
	switch {
	case len(list) == 0:
		return none("the clock cannot be set")
	case seen["powersave"] && b.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_driver") != "intel_pstate":
		return fail("%s", strings.Join(list, ", "))
	}
	return ok("%s", strings.Join(list, ", "))
}

func boardKernels(b *Box) Result {
	set, reason, err := b.Kernels()
	switch {
	case err != nil:
		return fail("%v", err)
	case strings.Contains(reason, "SECATEUR_KERNELS"):
		return warn("%s: %s", set, reason)
	}
	return ok("%s: %s", set, reason)
}

func boardVersion(b *Box) Result {
	kernel := b.text("proc/sys/kernel/osrelease")
	if b.Board == nil {
		return none("the board cannot be read")
	}
	has := map[string]string{"kernel": kernel, "l4t": b.Board.L4T}
	p, err := firmwareconfig.ProfileOf(b.Board.ID)
	if err != nil {
		return warn("%v", err)
	}
	for _, bad := range p.Avoid {
		if v := has[bad.What]; v == bad.Version || strings.HasPrefix(v, bad.Version+".") {
			return fail("%s %s: %s", bad.What, v, bad.Why)
		}
	}
	found := "kernel " + kernel
	if b.Board.L4T != "" {
		found += fmt.Sprintf(", L4T %s (JetPack %d)", b.Board.L4T, board.JetPack(b.Board.L4T))
	}
	return ok("%s", found)
}

func boardMemory(b *Box) Result {
	if b.Board == nil || b.Config == nil || b.Board.MemoryBytes == 0 {
		return none("memory or configuration cannot be read")
	}
	total, limit := b.Board.MemoryBytes, int64(0)
	var size firmwareconfig.Bytes
	if size.UnmarshalText([]byte(b.Config.Train.Memory)) == nil {
		limit = int64(size)
	} else {
		var percent int64
		fmt.Sscanf(b.Config.Train.Memory, "%d%%", &percent)
		limit = total / 100 * percent
	}
	if total-limit < 128<<20 {
		return fail("%d MiB, of which the training may take %d", total>>20, limit>>20)
	}
	return ok("%d MiB, of which the training may take %d", total>>20, limit>>20)
}
