package doctor

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var configChecks = []Check{
	{"config.valid", firmwareconfig.Path, "it cannot be read, or a value is wrong", "the line and key say which", configValid},
	{"config.drift", "the files that configure put in place", "one is missing, differs or has another mode", "secateur configure diff, then apply", configDrift},
	{"units.verify", "systemd-analyze verify of our units", "systemd says anything", "secateur configure apply; systemctl daemon-reload", unitsVerify},
	{"units.exposure", "systemd-analyze security", "the training scores more than 1.5, inference more than 3", "look for drop-ins: systemctl cat secateur-train", unitsExposure},
	{"units.running", "systemctl is-active", "inference or the path of the training is not active", "systemctl status secateur-run; journalctl -u secateur-run", unitsRunning},
}

const unitDir = "/etc/systemd/system/"

func configValid(b *Box) Result {
	if b.ConfigErr != nil {
		return fail("%s", strings.ReplaceAll(b.ConfigErr.Error(), "\n", "; "))
	}
	return ok("%s, %d keys", b.Config.Box.Name, len(b.Config.Keys))
}

func configDrift(b *Box) Result {
	if b.Config == nil || b.Board == nil {
		return none("board or configuration cannot be read")
	}
	if len(b.glob("var/lib/secateur/configure/*/manifest.json")) == 0 {
		return warn("configure apply has never run here")
	}
	id := b.Board.ID
	if b.Config.Box.Board != "auto" {
		id = b.Config.Box.Board
	}
	p, err := firmwareconfig.ProfileOf(id)
	if err != nil {
		return fail("%v", err)
	}
	in := firmwareconfig.Input{Config: b.Config, Profile: p}
	if len(b.glob("boot/firmware")) == 0 && len(b.glob("boot/config.txt")) > 0 {
		in.Boot = "boot"
	}
	files, err := firmwareconfig.Render(in)
	if err != nil {
		return fail("%v", err)
	}
	changes, _, err := firmwareconfig.Tree{Root: b.Root}.Plan(files)
	if err != nil {
		return fail("%v", err)
	}
	var list []string
	for _, c := range changes {
		list = append(list, "/"+c.Path+" "+c.What())
	}
	if len(list) > 0 {
		return fail("%s", strings.Join(list, "; "))
	}
	return ok("%d files as they should be", len(files))
}

// asked runs a program of the system; absent says that it is not there.
func (b *Box) asked(argv ...string) (out, absent string, err error) {
	out, err = b.Exec(argv...)
	if errors.Is(err, exec.ErrNotFound) {
		return "", argv[0] + " is not here", nil
	}
	return out, "", err
}

func (b *Box) units() []string {
	var list []string
	for _, u := range b.glob("etc/systemd/system/secateur-*") {
		if strings.HasSuffix(u, ".service") || strings.HasSuffix(u, ".timer") || strings.HasSuffix(u, ".path") {
			list = append(list, "/"+u)
		}
	}
	return list
}

func unitsVerify(b *Box) Result {
	units := b.units()
	if len(units) == 0 {
		return none("no unit of ours in %s", unitDir)
	}
	out, absent, err := b.asked(append([]string{"systemd-analyze", "verify", "--man=no", "--recursive-errors=one"}, units...)...)
	switch {
	case absent != "":
		return none("%s", absent)
	case err != nil || strings.Contains(out, "secateur-"):
		return fail("%s", strings.ReplaceAll(out, "\n", "; "))
	}
	return ok("%d units", len(units))
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+ ?: ?([0-9.]+)`)

func unitsExposure(b *Box) Result {
	var found []string
	bad := false
	for _, u := range []struct {
		name  string
		limit float64
	}{{"secateur-train.service", 1.5}, {"secateur-run.service", 3}} {
		if len(b.glob("etc/systemd/system/"+u.name)) == 0 {
			return none("%s is not in %s", u.name, unitDir)
		}
		out, absent, _ := b.asked("systemd-analyze", "security", "--offline=yes", "--no-pager", unitDir+u.name)
		if absent != "" {
			return none("%s", absent)
		}
		m := exposure.FindStringSubmatch(out)
		if m == nil {
			return warn("systemd-analyze says nothing of %s", u.name)
		}
		score, _ := strconv.ParseFloat(m[1], 64)
		bad = bad || score > u.limit
		found = append(found, fmt.Sprintf("%s %.1f of at most %.1f", u.name, score, u.limit))
	}
	if bad {
		return fail("%s", strings.Join(found, ", "))
	}
	return ok("%s", strings.Join(found, ", "))
}

func unitsRunning(b *Box) Result {
	if len(b.units()) == 0 {
		return none("no unit of ours in %s", unitDir)
	}
	var down []string
	for _, u := range []string{"secateur-run.service", "secateur-train.path", "secateur-scrub.timer"} {
		out, absent, err := b.asked("systemctl", "is-active", u)
		if absent != "" {
			return none("%s", absent)
		}
		if err != nil {
			down = append(down, u+" "+out)
		}
	}
	if len(down) > 0 {
		return fail("%s", strings.Join(down, ", "))
	}
	return ok("active")
}
