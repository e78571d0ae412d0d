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
	Chips    []string // labels of the GPIO chips with the header's lines; numbers change with the kernel
	Header   map[int]Line
	Boot     []string   // lines of config.txt
	Cmdline  []string   // words of cmdline.txt
	Avoid    []KnownBad // versions that are known to fail
}

// Line is a line of the header: on which chip, and where or under what name.
type Line struct {
	Chip   string
	Offset int
	Name   string // "" where the kernel names none
}

// KnownBad is a version that should not be used.
type KnownBad struct {
	What    string // l4t, kernel
	Version string // begins so
	Why     string
}

// The header of a Raspberry Pi: pin to BCM number, which is the offset and in the line's name.
var piPins = map[int]int{3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25, 23: 11, 24: 8, 26: 7,
	29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21}

func piHeader(chip string) map[int]Line {
	m := map[int]Line{}
	for pin, bcm := range piPins {
		m[pin] = Line{chip, bcm, fmt.Sprintf("GPIO%d", bcm)}
	}
	return m
}

// pi is a Raspberry Pi. Without the two words Raspberry Pi OS has no memory cgroup, and MemoryMax= is silently ignored.
func pi(id, name, chip string, boot ...string) Profile {
	return Profile{ID: id, Name: name, Family: "raspberrypi", CPUs: 4, Chips: []string{chip}, Header: piHeader(chip),
		Boot: append([]string{"dtparam=watchdog=on"}, boot...), Cmdline: []string{"cgroup_enable=memory", "cgroup_memory=1"}}
}

// jetson is a Jetson with pins of its header, offsets on the main chip; aon are those on the always-on chip.
func jetson(id, name, chip string, cpus int, main, aon map[int]int, avoid ...KnownBad) Profile {
	p := Profile{ID: id, Name: name, Family: "jetson", CPUs: cpus, Chips: []string{chip, chip + "-aon"}, Header: map[int]Line{}, Avoid: avoid}
	for pin, offset := range main {
		p.Header[pin] = Line{Chip: chip, Offset: offset}
	}
	for pin, offset := range aon {
		p.Header[pin] = Line{Chip: chip + "-aon", Offset: offset}
	}
	return p
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
	jetson("jetson-nano", "Jetson Nano", "tegra-gpio", 4, map[int]int{7: 216, 11: 50, 12: 79, 29: 149, 31: 200}, nil),
	jetson("jetson-tx2", "Jetson TX2", "tegra-gpio", 6, map[int]int{7: 76}, nil),
	jetson("jetson-xavier-nx", "Jetson Xavier NX", "tegra194-gpio", 6, map[int]int{7: 118, 11: 112, 12: 127}, map[int]int{15: 16}),
	jetson("jetson-agx-xavier", "Jetson AGX Xavier", "tegra194-gpio", 8, nil, nil),
	jetson("jetson-orin-nano", "Jetson Orin Nano", "tegra234-gpio", 6, map[int]int{7: 144, 11: 112, 12: 50, 15: 85, 29: 105, 31: 106}, nil, argus...),
	jetson("jetson-orin-nx", "Jetson Orin NX", "tegra234-gpio", 8, map[int]int{7: 144, 11: 112, 12: 50, 15: 85, 29: 105, 31: 106}, nil, argus...),
	jetson("jetson-agx-orin", "Jetson AGX Orin", "tegra234-gpio", 12, map[int]int{7: 106, 11: 112}, map[int]int{16: 9, 29: 1}, argus...),
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
