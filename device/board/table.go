package board

import (
	"slices"
	"strings"
)

// soc is a chip, and the board whose profile any board of it can run with.
type soc struct {
	compatible string
	name       string
	id, as     string
	throttle   float64 // °C from where the firmware slows down
}

// socs is searched in order. The Pi's firmware throttles from 80 °C; Jetsons have trip points, the number here is
// for a kernel that shows none.
var socs = []soc{
	{"brcm,bcm2712", "bcm2712", "raspberrypi-5", "Raspberry Pi 5", 80},
	{"brcm,bcm2711", "bcm2711", "raspberrypi-4", "Raspberry Pi 4", 80},
	{"brcm,bcm2837", "bcm2837", "raspberrypi-3", "Raspberry Pi 3", 80},
	{"nvidia,tegra234", "tegra234", "jetson-orin-nano", "Jetson Orin Nano", 95},
	{"nvidia,tegra194", "tegra194", "jetson-xavier-nx", "Jetson Xavier NX", 90},
	{"nvidia,tegra186", "tegra186", "jetson-tx2", "Jetson TX2", 90},
	{"nvidia,tegra210", "tegra210", "jetson-nano", "Jetson Nano", 90},
}

// known is a board: an entry of the device tree's list has this piece, or else the model begins so.
type known struct {
	soc      string
	piece    string
	model    string
	id, name string
	throttle float64
}

// boards is searched in order. Of Orin, the module says more than the carrier: p3767-0000 and -0001 are Orin NX,
// -0003 to -0005 Orin Nano, with or without "-super" behind it.
var boards = []known{
	{"bcm2837", "raspberrypi,model-zero-2-w", "Raspberry Pi Zero 2", "raspberrypi-zero-2-w", "Raspberry Pi Zero 2 W", 0},
	{"bcm2837", "raspberrypi,3-model-b-plus", "Raspberry Pi 3 Model B Plus", "raspberrypi-3b-plus", "Raspberry Pi 3B+", 60},
	{"bcm2837", "raspberrypi,3-model-b", "Raspberry Pi 3 Model B", "raspberrypi-3", "Raspberry Pi 3B", 0},
	{"bcm2711", "raspberrypi,4-compute-module", "Raspberry Pi Compute Module 4", "raspberrypi-cm4", "Compute Module 4", 0},
	{"bcm2711", "raspberrypi,400", "Raspberry Pi 400", "raspberrypi-4", "Raspberry Pi 400", 0},
	{"bcm2711", "raspberrypi,4-model-b", "Raspberry Pi 4", "raspberrypi-4", "Raspberry Pi 4B", 0},
	{"bcm2712", "raspberrypi,5-compute-module", "Raspberry Pi Compute Module 5", "raspberrypi-cm5", "Compute Module 5", 0},
	{"bcm2712", "raspberrypi,500", "Raspberry Pi 500", "raspberrypi-5", "Raspberry Pi 500", 0},
	{"bcm2712", "raspberrypi,5-model-b", "Raspberry Pi 5", "raspberrypi-5", "Raspberry Pi 5", 0},
	{"tegra210", "nvidia,p3450-", "NVIDIA Jetson Nano", "jetson-nano", "Jetson Nano", 0},
	{"tegra210", "nvidia,jetson-nano", "NVIDIA Jetson Nano", "jetson-nano", "Jetson Nano", 0},
	{"tegra186", "nvidia,p2771-", "", "jetson-tx2", "Jetson TX2", 0},
	{"tegra186", "nvidia,p3489-", "", "jetson-tx2", "Jetson TX2", 0},
	{"tegra194", "p3668-", "NVIDIA Jetson Xavier NX", "jetson-xavier-nx", "Jetson Xavier NX", 0},
	{"tegra194", "p2888-", "NVIDIA Jetson AGX Xavier", "jetson-agx-xavier", "Jetson AGX Xavier", 0},
	{"tegra234", "p3767-0000", "NVIDIA Jetson Orin NX", "jetson-orin-nx", "Jetson Orin NX 16 GB", 0},
	{"tegra234", "p3767-0001", "NVIDIA Jetson Orin NX", "jetson-orin-nx", "Jetson Orin NX 8 GB", 0},
	{"tegra234", "p3767-0003", "NVIDIA Jetson Orin Nano", "jetson-orin-nano", "Jetson Orin Nano 8 GB", 0},
	{"tegra234", "p3767-0004", "NVIDIA Jetson Orin Nano", "jetson-orin-nano", "Jetson Orin Nano 4 GB", 0},
	{"tegra234", "p3767-0005", "NVIDIA Jetson Orin Nano", "jetson-orin-nano", "Jetson Orin Nano 8 GB developer kit", 0},
	{"tegra234", "p3701-", "NVIDIA Jetson AGX Orin", "jetson-agx-orin", "Jetson AGX Orin", 0},
}

func findSoC(compatible []string) (soc, bool) {
	for _, s := range socs {
		if slices.Contains(compatible, s.compatible) {
			return s, true
		}
	}
	return soc{}, false
}

// findBoard looks by compatible, then by model: the firmware adds revisions to the model, so that it is compared at
// its beginning.
func findBoard(compatible []string, model, soc string) (known, bool) {
	for _, k := range boards {
		if k.soc == soc && slices.ContainsFunc(compatible, k.matches) {
			return k, true
		}
	}
	for _, k := range boards {
		if k.soc == soc && k.model != "" && strings.HasPrefix(model, k.model) {
			return k, true
		}
	}
	return known{}, false
}

// matches compares whole names of the Pi; a Jetson's entry names carrier and module, so that a piece of it does.
func (k known) matches(entry string) bool {
	if strings.HasPrefix(k.piece, "raspberrypi,") {
		return entry == k.piece
	}
	return strings.Contains(entry, k.piece)
}

// IDs lists what Board.ID can be.
func IDs() []string {
	ids := []string{"pc", "arm"}
	for _, s := range socs {
		ids = append(ids, s.id)
	}
	for _, k := range boards {
		ids = append(ids, k.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
