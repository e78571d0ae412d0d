package firmwareconfig

import (
	"slices"
	"strings"
)

// Action makes a running system read what was changed.
type Action struct {
	Argv []string
	Must bool // if it fails the change was wrong and is taken back
}

// actions are what to do when a path that begins so has changed, in order. sshd is asked first: a box that nobody can log in to
// any more is lost.
var actions = []struct {
	prefix string
	Action
}{
	{"etc/ssh/", Action{[]string{"sshd", "-t"}, true}},
	{"etc/sysusers.d/", Action{[]string{"systemd-sysusers"}, true}},
	{"etc/tmpfiles.d/", Action{[]string{"systemd-tmpfiles", "--create"}, false}},
	{"etc/systemd/system", Action{[]string{"systemctl", "daemon-reload"}, true}},
	{"etc/ssh/", Action{[]string{"systemctl", "try-reload-or-restart", "ssh.service"}, false}},
	{"etc/sysctl.d/", Action{[]string{"systemctl", "try-restart", "systemd-sysctl.service"}, false}},
	{"etc/systemd/journald.conf.d/", Action{[]string{"systemctl", "try-restart", "systemd-journald.service"}, false}},
	{"etc/systemd/timesyncd.conf.d/", Action{[]string{"systemctl", "try-restart", "systemd-timesyncd.service"}, false}},
	{"etc/udev/", Action{[]string{"udevadm", "control", "--reload"}, false}},
	{"etc/systemd/system/", Action{[]string{"systemctl", "enable", "secateur-train.service"}, false}},
	{"etc/systemd/system/", Action{[]string{"systemctl", "enable", "--now", "secateur-train.path", "secateur-scrub.timer", "secateur-doctor.timer"}, false}},
}

// Actions is what to do after changes. Boot configuration is read at the next start; inference is started by hand, once there
// is a model.
func Actions(changes []Change) []Action {
	var list []Action
	for _, a := range actions {
		if slices.ContainsFunc(changes, func(c Change) bool { return strings.HasPrefix(c.Path, a.prefix) }) {
			list = append(list, a.Action)
		}
	}
	return list
}
