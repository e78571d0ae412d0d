package doctor

import (
	"strconv"
	"strings"
	"time"

	"github.com/secateur/secateur/tools/secateur/line"
)

// active tells whether systemd has a unit running.
func (b *Box) active(unit string) bool {
	_, absent, err := b.asked("systemctl", "is-active", unit)
	return absent == "" && err == nil
}

// service is what systemd knows of inference; absent says that it knows nothing.
func (b *Box) service() (properties map[string]string, absent string) {
	out, absent, err := b.asked("systemctl", "show", "secateur-run.service", "--property=ActiveState,NRestarts,ActiveEnterTimestampMonotonic,StatusText")
	if absent != "" {
		return nil, absent
	}
	properties = map[string]string{}
	for l := range strings.Lines(out) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), "=")
		properties[k] = v
	}
	if err != nil || properties["ActiveState"] != "active" {
		return nil, "secateur-run is not running"
	}
	return properties, ""
}

func runSoak(b *Box) Result {
	p, absent := b.service()
	if absent != "" {
		return none("%s", absent)
	}
	up, err := strconv.ParseFloat(strings.SplitN(b.text("proc/uptime"), " ", 2)[0], 64)
	since, err2 := strconv.ParseInt(p["ActiveEnterTimestampMonotonic"], 10, 64)
	if err != nil || err2 != nil {
		return none("neither the box nor systemd says since when it runs")
	}
	runs := (time.Duration(up*float64(time.Second)) - time.Duration(since)*time.Microsecond).Round(time.Minute)
	if n := p["NRestarts"]; n != "0" && n != "" {
		return warn("%s restarts, the last %v ago", n, runs)
	}
	return ok("%v without a restart", runs)
}

func runParts(b *Box) Result {
	p, absent := b.service()
	if absent != "" {
		return none("%s", absent)
	}
	s, read := line.ParseStatus(p["StatusText"])
	switch missed := s.Late + s.Lost; {
	case !read || s.Parts == 0:
		return none("no part yet")
	case missed*100 > s.Parts:
		return fail("%s", p["StatusText"])
	}
	return ok("%s", p["StatusText"])
}
