package board

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/device/boardtest"
)

// TestBoards: every recorded board is what it is, by what is printed of it in one line.
func TestBoards(t *testing.T) {
	want := map[string]string{
		"raspberrypi-3b-plus":  "raspberrypi-3b-plus bcm2837 [4 Cortex-A53 1400] 904 MiB aes=false dot=false fp16=false throttle=60",
		"raspberrypi-zero-2-w": "raspberrypi-zero-2-w bcm2837 [4 Cortex-A53 1000] 417 MiB aes=false dot=false fp16=false throttle=80",
		"raspberrypi-4":        "raspberrypi-4 bcm2711 [4 Cortex-A72 1800] 3793 MiB aes=false dot=false fp16=false throttle=80",
		"raspberrypi-cm4":      "raspberrypi-cm4 bcm2711 [4 Cortex-A72 1500] 1845 MiB aes=false dot=false fp16=false throttle=80",
		"raspberrypi-5":        "raspberrypi-5 bcm2712 [4 Cortex-A76 2400] 8063 MiB aes=true dot=true fp16=true throttle=80",
		"raspberrypi-cm5":      "raspberrypi-cm5 bcm2712 [4 Cortex-A76 2400] 4034 MiB aes=true dot=true fp16=true throttle=80",
		"jetson-nano":          "jetson-nano tegra210 [4 Cortex-A57 1479] 3964 MiB aes=true dot=false fp16=false throttle=90 L4T 32.7.4 JetPack 4",
		"jetson-tx2":           "jetson-tx2 tegra186 [4 Cortex-A57 2035, 2 Denver 2 2035] 7662 MiB aes=true dot=false fp16=false throttle=90 L4T 32.7.3 JetPack 4",
		"jetson-xavier-nx":     "jetson-xavier-nx tegra194 [2 Carmel 1907, 2 Carmel 1907] 7582 MiB aes=true dot=false fp16=true throttle=90 L4T 35.4.1 JetPack 5 off=[4 5]",
		"jetson-orin-nano":     "jetson-orin-nano tegra234 [4 Cortex-A78AE 1728, 2 Cortex-A78AE 1728] 7632 MiB aes=true dot=true fp16=true throttle=95 L4T 36.4.4 JetPack 6",
		"jetson-orin-nx":       "jetson-orin-nx tegra234 [4 Cortex-A78AE 1984, 4 Cortex-A78AE 1984] 15554 MiB aes=true dot=true fp16=true throttle=95 L4T 35.4.1 JetPack 5",
		"jetson-agx-orin":      "jetson-agx-orin tegra234 [4 Cortex-A78AE 2201, 4 Cortex-A78AE 2201, 4 Cortex-A78AE 2201] 61328 MiB aes=true dot=true fp16=true throttle=95 L4T 36.4.0 JetPack 6",
		"pc":                   "pc  [4 Intel(R) N100 3400] 15767 MiB aes=false dot=false fp16=false throttle=90",
		"unknown-board":        "jetson-orin-nano tegra234 [4 Cortex-A78AE 1984, 4 Cortex-A78AE 1984] 15554 MiB aes=true dot=true fp16=true throttle=95 board example,vision-9 (Example Vision Carrier for Orin) is not known: it runs as any tegra234, like Jetson Orin Nano",
		"unknown-soc":          "arm  [4 Cortex-A55 1800, 4 Cortex-A76 2400] 7812 MiB aes=true dot=true fp16=true throttle=90 SoC rockchip,rk3588 (Example RK Board) is not known: it runs without a profile",
	}
	for _, name := range boardtest.Names() {
		b, err := Read(boardtest.Root(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := line(b); got != want[name] {
			t.Errorf("%s is\n\t%s\nwant\n\t%s", name, got, want[name])
		}
		if !slices.Contains(IDs(), b.ID) {
			t.Errorf("%s: %s is not among the IDs", name, b.ID)
		}
	}
}

func line(b *Board) string {
	var groups []string
	for _, c := range b.Clusters {
		for _, cpu := range b.CPUs {
			if cpu.Number == c.CPUs[0] {
				groups = append(groups, fmt.Sprintf("%d %s %d", len(c.CPUs), c.Core, cpu.MaxKHz/1000))
			}
		}
	}
	has := func(f string) bool { return slices.Contains(b.Features, f) }
	s := fmt.Sprintf("%s %s [%s] %d MiB aes=%v dot=%v fp16=%v throttle=%.0f", b.ID, b.SoC, strings.Join(groups, ", "), b.MemoryBytes>>20,
		has("aes"), has("asimddp"), has("fphp"), b.ThrottleCelsius)
	if b.L4T != "" {
		s += fmt.Sprintf(" L4T %s JetPack %d", b.L4T, JetPack(b.L4T))
	}
	if len(b.Offline) > 0 {
		s += fmt.Sprintf(" off=%v", b.Offline)
	}
	if b.Warning != "" {
		s += " " + b.Warning
	}
	return s
}

// TestByModel: a tree whose compatible list is the family's alone is known by its model, whatever revision.
func TestByModel(t *testing.T) {
	root := boardtest.Root(t, "raspberrypi-5")
	boardtest.Set(t, root, "proc/device-tree/compatible", "vendor,thing\x00brcm,bcm2712\x00")
	boardtest.Set(t, root, "proc/device-tree/model", "Raspberry Pi Compute Module 5 Lite Rev 9.9\x00")
	b, err := Read(root)
	if err != nil || b.ID != "raspberrypi-cm5" || b.Warning != "" {
		t.Errorf("known as %+v, %v", b, err)
	}
	// The model of a Pi 5 on another SoC is not believed.
	boardtest.Set(t, root, "proc/device-tree/compatible", "vendor,thing\x00brcm,bcm2711\x00")
	if b, _ := Read(root); b.ID != "raspberrypi-4" || b.Warning == "" {
		t.Errorf("known as %s, warning %q", b.ID, b.Warning)
	}
}

// TestSoftLimit: a 3B+ slows down from 60 °C, unless its boot configuration says more.
func TestSoftLimit(t *testing.T) {
	root := boardtest.Root(t, "raspberrypi-3b-plus")
	boardtest.Set(t, root, "boot/firmware/config.txt", "arm_64bit=1\n[all]\ntemp_soft_limit=70\n")
	if b, err := Read(root); err != nil || b.ThrottleCelsius != 70 {
		t.Errorf("throttles at %v, %v", b.ThrottleCelsius, err)
	}
}

func TestNoCPUs(t *testing.T) {
	root := boardtest.Root(t, "pc")
	boardtest.Set(t, root, "proc/cpuinfo", "nothing here\n")
	if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "lists no processor") {
		t.Errorf("error %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("an empty root is a board")
	}
}
