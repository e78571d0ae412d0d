package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// busy is the share of the CPUs that is in use over a moment before a contest: work of others, which
// slows contestants unevenly. 0 where the system does not tell.
func busy() float64 {
	used, total := cpuTime()
	time.Sleep(300 * time.Millisecond)
	used2, total2 := cpuTime()
	if !(total2 > total) {
		return 0
	}
	return (used2 - used) / (total2 - total)
}

// calm waits for a moment in which others leave the CPUs alone, up to some seconds, and returns what
// they used in the last.
func calm() (share float64) {
	for range 20 {
		if share = busy(); share < 0.1 {
			break
		}
	}
	return share
}

func cpuTime() (used, total float64) {
	text, _ := os.ReadFile("/proc/stat")
	return parseStat(string(text))
}

// parseStat reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
func parseStat(text string) (used, total float64) {
	line, _, _ := strings.Cut(text, "\n")
	var name string
	var t [8]float64
	if _, err := fmt.Sscan(line, &name, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]); err != nil {
		return math.NaN(), math.NaN()
	}
	for _, v := range t {
		total += v
	}
	return total - t[3] - t[4], total
}
