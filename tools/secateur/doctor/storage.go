package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var storageChecks = []Check{
	{"storage.data", "which file system holds /var/lib/secateur", "it is the root's: a full disk or a broken file system takes the box with it", "a partition of its own, ext4, noatime", storageData},
	{"storage.root", "how the root is mounted", "it is written to: a power cut can damage it", "the overlay of raspi-config, or a read-only root", storageRoot},
	{"storage.free", "free space against retention.reserve and the budget", "less than the reserve is free", "lower retention.budget; delete what is not needed", storageFree},
	{"storage.sync", "twenty files of 4 KiB, synced", "the slowest takes more than a second: the card is worn or counterfeit", "another card; an SSD", storageSync},
	{"storage.life", "life_time of the eMMC", "nine tenths are used", "replace the board or the card, soon", storageLife},
	{"storage.wear", "bytes written since the start", "more than retention.per_day twice over", "fewer pictures (retention.pass_one_in), fewer logs", storageWear},
	{"storage.cut", "the kernel's log of this start: file systems that had to be repaired", "one had: the box was switched off while it ran", "models and runs survive that, cards wear: switch off by poweroff, or a supply that lasts for it", storageCut},
}

const dataDir = "var/lib/secateur"

// mount is the line of /proc/mounts that holds a path.
func (b *Box) mount(path string) (device, point, kind string, options []string) {
	best := -1
	for line := range strings.Lines(b.text("proc/mounts")) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] == "rootfs" {
			continue
		}
		at := f[1]
		if at == "/" || path == at || strings.HasPrefix(path, at+"/") {
			if len(at) >= best {
				best, device, point, kind, options = len(at), f[0], at, f[2], strings.Split(f[3], ",")
			}
		}
	}
	return device, point, kind, options
}

func storageData(b *Box) Result {
	device, point, kind, options := b.mount("/" + dataDir)
	switch {
	case point == "":
		return none("/proc/mounts does not say")
	case point == "/":
		return warn("on the root (%s, %s)", device, kind)
	case !slices.Contains(options, "noatime"):
		return warn("%s (%s) on %s, without noatime", device, kind, point)
	}
	return ok("%s (%s) on %s", device, kind, point)
}

func storageRoot(b *Box) Result {
	device, point, kind, options := b.mount("/")
	switch {
	case point == "":
		return none("/proc/mounts does not say")
	case kind == "overlay" || slices.Contains(options, "ro"):
		return ok("%s, %s", kind, device)
	}
	return warn("%s (%s) can be written", device, kind)
}

func storageFree(b *Box) Result {
	dir := filepath.Join(b.Root, dataDir)
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return none("/%s: %v", dataDir, err)
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	reserve := firmwareconfig.Default().Retention.Reserve
	if b.Config != nil {
		reserve = b.Config.Retention.Reserve
	}
	found := fmt.Sprintf("%d MiB free, reserve %d", free>>20, int64(reserve)>>20)
	switch {
	case st.Files > 0 && st.Ffree*50 < st.Files:
		return fail("%d of %d inodes left", st.Ffree, st.Files)
	case free < int64(reserve):
		return fail("%s", found)
	}
	return ok("%s", found)
}

// storageSync measures what a checkpoint waits for.
func storageSync(b *Box) Result {
	dir := filepath.Join(b.Root, dataDir)
	if !b.running() {
		return none("another system's disk")
	}
	var times []time.Duration
	data := make([]byte, 4096)
	for range 20 {
		d, err := syncOnce(dir, data)
		if err != nil {
			return none("/%s: %v", dataDir, err)
		}
		times = append(times, d)
	}
	slices.Sort(times)
	found := fmt.Sprintf("median %v, slowest %v", times[10].Round(10*time.Microsecond), times[19].Round(10*time.Microsecond))
	if times[19] > time.Second {
		return fail("%s", found)
	}
	return ok("%s", found)
}

func syncOnce(dir string, data []byte) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	began := time.Now()
	if _, err := f.Write(data); err != nil {
		return 0, err
	}
	err = f.Sync()
	return time.Since(began), err
}

func storageLife(b *Box) Result {
	for _, path := range b.glob("sys/block/mmcblk*/device/life_time") {
		worst := int64(0)
		for _, f := range strings.Fields(b.text(path)) {
			v, _ := strconv.ParseInt(f, 0, 64)
			worst = max(worst, v)
		}
		switch {
		case worst == 0:
			continue
		case worst >= 0x0a:
			return fail("%d to %d %% used", (worst-1)*10, worst*10)
		}
		return ok("at most %d %% used", worst*10)
	}
	return none("no eMMC that tells")
}

// storageWear is bytes a day by the sectors written since the start, of the disk that wrote most.
func storageWear(b *Box) Result {
	uptime := 0.0
	fmt.Sscan(b.text("proc/uptime"), &uptime)
	most, disk := int64(0), ""
	for _, path := range b.glob("sys/block/*/stat") {
		name := filepath.Base(filepath.Dir(path))
		f := strings.Fields(b.text(path))
		if len(f) < 7 || strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "zram") || strings.HasPrefix(name, "ram") {
			continue
		}
		if sectors, _ := strconv.ParseInt(f[6], 10, 64); sectors*512 > most {
			most, disk = sectors*512, name
		}
	}
	if disk == "" || uptime < 3600 {
		return none("the box has not run for an hour, or no disk tells")
	}
	perDay := float64(most) / uptime * 86400
	limit := int64(firmwareconfig.Default().Retention.PerDay)
	if b.Config != nil {
		limit = int64(b.Config.Retention.PerDay)
	}
	found := fmt.Sprintf("%.2f GB a day on %s, %.2f are meant", perDay/1e9, disk, float64(limit)/1e9)
	if perDay > 2*float64(limit) {
		return warn("%s", found)
	}
	return ok("%s", found)
}

// storageCut asks the kernel's log whether a journal was replayed at this start.
func storageCut(b *Box) Result {
	out, absent, err := b.asked("journalctl", "--dmesg", "--boot", "--output=cat", "--no-pager", "--grep=recovery complete|orphan cleanup|not properly unmounted|recovering journal")
	switch {
	case absent != "":
		return none("%s", absent)
	case strings.Contains(out, "No entries") || err == nil && out == "":
		return ok("none")
	case err != nil:
		return none("journalctl: %s", out)
	}
	line, _, _ := strings.Cut(out, "\n")
	return warn("%s", line)
}
