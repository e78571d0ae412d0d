package firmwareconfig

import (
	"fmt"
	"slices"
)

// Profile is what the configuration of a board needs to know of it. IDs are those of device/board.
type Profile struct {
	ID, Name string
	Family   string // raspberrypi, jetson, pc
	CPUs     int
	Chips    []string   // labels of the GPIO chips with the header's lines; numbers change with the kernel
	Boot     []string   // lines of config.txt
	Cmdline  []string   // words of cmdline.txt
	Avoid    []KnownBad // versions that are known to fail
}

// KnownBad is a version that should not be used.
type KnownBad struct {
	What    string // l4t, kernel
	Version string // begins so
	Why     string
}

// pi is a Raspberry Pi. Without the two words Raspberry Pi OS has no memory cgroup, and MemoryMax= is silently ignored.
func pi(id, name, chip string, boot ...string) Profile {
	return Profile{ID: id, Name: name, Family: "raspberrypi", CPUs: 4, Chips: []string{chip},
		Boot: append([]string{"dtparam=watchdog=on"}, boot...), Cmdline: []string{"cgroup_enable=memory", "cgroup_memory=1"}}
}

// jetson is a Jetson; the second chip is the always-on one.
func jetson(id, name, chip string, cpus int, avoid ...KnownBad) Profile {
	return Profile{ID: id, Name: name, Family: "jetson", CPUs: cpus, Chips: []string{chip, chip + "-aon"}, Avoid: avoid}
}

// argus is the camera daemon of some releases: it fails at about one start in sixty.
var argus = []KnownBad{{"l4t", "36.4.7", "nvargus loses about 1 start in 60 to 120; 36.4.4 does not"}, {"l4t", "36.5", "nvargus loses about 1 start in 60 to 120; 36.4.4 does not"}}

var profiles = []Profile{
	{ID: "pc", Name: "plain computer", Family: "pc", CPUs: 0},
	{ID: "arm", Name: "arm64 board without a profile", Family: "pc", CPUs: 0},
	pi("raspberrypi-zero-2-w", "Raspberry Pi Zero 2 W", "pinctrl-bcm2835"),
	pi("raspberrypi-3", "Raspberry Pi 3", "pinctrl-bcm2835"),
	pi("raspberrypi-3b-plus", "Raspberry Pi 3B+", "pinctrl-bcm2835", "temp_soft_limit=70"),
	pi("raspberrypi-4", "Raspberry Pi 4B", "pinctrl-bcm2711"),
	pi("raspberrypi-cm4", "Compute Module 4", "pinctrl-bcm2711"),
	pi("raspberrypi-5", "Raspberry Pi 5", "pinctrl-rp1"),
	pi("raspberrypi-cm5", "Compute Module 5", "pinctrl-rp1"),
	jetson("jetson-nano", "Jetson Nano", "tegra-gpio", 4),
	jetson("jetson-tx2", "Jetson TX2", "tegra-gpio", 6),
	jetson("jetson-xavier-nx", "Jetson Xavier NX", "tegra194-gpio", 6),
	jetson("jetson-agx-xavier", "Jetson AGX Xavier", "tegra194-gpio", 8),
	jetson("jetson-orin-nano", "Jetson Orin Nano", "tegra234-gpio", 6, argus...),
	jetson("jetson-orin-nx", "Jetson Orin NX", "tegra234-gpio", 8, argus...),
	jetson("jetson-agx-orin", "Jetson AGX Orin", "tegra234-gpio", 12, argus...),
}

// ProfileIDs lists the profiles.
func ProfileIDs() []string {
	var ids []string
	for _, p := range profiles {
		ids = append(ids, p.ID)
	}
	return ids
}

// ProfileOf is the profile of a board.
func ProfileOf(id string) (Profile, error) {
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.ID == id })
	if i < 0 {
		return Profile{}, fmt.Errorf("board %q has no profile, want one of %v", id, ProfileIDs())
	}
	return profiles[i], nil
}

// shares divides the CPUs: inference has the last ones to itself, training the others. A single CPU is shared.
func shares(cpus int) (run, train string) {
	own := 1
	if cpus >= 6 {
		own = 2
	}
	if cpus < 2 {
		return "", ""
	}
	return span(cpus-own, cpus-1), span(0, cpus-own-1)
}

func span(lo, hi int) string {
	if lo == hi {
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d-%d", lo, hi)
}
