package doctor

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

var systemChecks = []Check{
	{"system.cgroup", "controllers of cgroup v2", "memory is not among them: MemoryMax= is then silently ignored, and a training can take the box down",
		"cgroup_enable=memory cgroup_memory=1 on the kernel's command line: secateur configure apply, and start again", systemCgroup},
	{"system.swap", "/proc/swaps", "swap on flash wears it out, and a training that swaps never ends", "swapoff, or zram", systemSwap},
	{"system.watchdog", "/sys/class/watchdog", "the hardware's watchdog is there and not armed, or waits too long", "RuntimeWatchdogSec=10: secateur configure apply, and start again", systemWatchdog},
	{"system.time", "/run/systemd/timesync/synchronized and the clock", "the time is not known: certificates cannot be judged", "system.ntp in config.toml; without a network a clock with a battery", systemTime},
	{"system.journal", "SystemMaxUse= of journald", "it is not capped: logs fill the disk", "secateur configure apply", systemJournal},
	{"system.panic", "kernel.panic", "0: a kernel that is lost stays lost", "secateur configure apply", systemPanic},
	{"system.landlock", "the landlock system call", "the kernel has none: the training is held by systemd's sandbox alone", "a kernel from 5.13 with landlock in lsm=", systemLandlock},
}

func systemCgroup(b *Box) Result {
	controllers := strings.Fields(b.text("sys/fs/cgroup/cgroup.controllers"))
	switch {
	case slices.Contains(controllers, "memory"):
		return ok("%s", strings.Join(controllers, " "))
	case len(controllers) == 0 && len(b.glob("sys/fs/cgroup/memory/memory.limit_in_bytes")) > 0:
		return fail("cgroup v1: MemoryMax= and AllowedCPUs= want version 2")
	case len(controllers) == 0:
		return fail("no cgroup v2")
	}
	return fail("only %s", strings.Join(controllers, " "))
}

func systemSwap(b *Box) Result {
	var flash []string
	for line := range strings.Lines(b.text("proc/swaps")) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] == "Filename" {
			continue
		}
		if !strings.HasPrefix(f[0], "/dev/zram") {
			flash = append(flash, f[0])
		}
	}
	if len(flash) > 0 {
		return warn("%s", strings.Join(flash, ", "))
	}
	return ok("none on a disk")
}

func systemWatchdog(b *Box) Result {
	dirs := b.glob("sys/class/watchdog/watchdog[0-9]*")
	if len(dirs) == 0 {
		return warn("the kernel shows no watchdog")
	}
	for _, d := range dirs {
		name, state, timeout := b.text(d+"/identity"), b.text(d+"/state"), 0
		fmt.Sscan(b.text(d+"/timeout"), &timeout)
		switch {
		case state != "active":
			continue
		case timeout > 60:
			return warn("%s waits %d s", name, timeout)
		}
		return ok("%s, %d s", name, timeout)
	}
	return fail("%s is not armed", b.text(dirs[0]+"/identity"))
}

func systemTime(b *Box) Result {
	if len(b.glob("run/systemd/timesync/synchronized")) > 0 {
		return ok("synchronized")
	}
	if len(b.glob("run/chrony/chronyd.pid")) > 0 {
		return ok("chrony keeps it")
	}
	if len(b.glob("sys/class/rtc/rtc0")) > 0 {
		return ok("by its own clock with a battery, or none")
	}
	return warn("not synchronized, and the board has no clock of its own")
}

func systemJournal(b *Box) Result {
	for _, path := range append(b.glob("etc/systemd/journald.conf.d/*.conf"), "etc/systemd/journald.conf") {
		for line := range strings.Lines(b.text(path)) {
			if v, found := strings.CutPrefix(strings.TrimSpace(line), "SystemMaxUse="); found && v != "" {
				return ok("%s in /%s", v, path)
			}
		}
	}
	if len(b.glob("var/log/journal")) == 0 {
		return ok("kept in memory alone")
	}
	return fail("not capped")
}

func systemPanic(b *Box) Result {
	switch v := b.text("proc/sys/kernel/panic"); v {
	case "":
		return none("cannot be read")
	case "0":
		return warn("0")
	default:
		return ok("starts again after %s s", v)
	}
}

// systemLandlock asks for the version of landlock's interface.
func systemLandlock(b *Box) Result {
	if !b.running() {
		return none("another system's kernel")
	}
	const createRuleset, version = 444, 1
	abi, _, errno := syscall.Syscall(createRuleset, 0, 0, version)
	if errno != 0 {
		return warn("%v", errno)
	}
	return ok("version %d", abi)
}
