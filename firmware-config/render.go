package firmwareconfig

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// templates are the texts of files, with .tmpl behind.
//
//go:embed templates
var templates embed.FS

// Kind is how much of a file is ours.
type Kind string

// The kinds.
const (
	Whole Kind = "whole" // all of it
	Block Kind = "block" // lines between two marks, at the end
	Words Kind = "words" // words on the file's one line
)

// File is a file of the system as it should be.
type File struct {
	Path string // below the root, without a slash in front
	Mode fs.FileMode
	Kind Kind
	Text string // of Words: the words
}

// Input is what files are made from.
type Input struct {
	Config  *Config
	Profile Profile
	Boot    string // folder of the boot partition: boot/firmware or boot
}

// source is a template and where its text goes.
type source struct {
	path string // {boot} stands for the boot partition
	from string // the template, without .tmpl
	kind Kind
	mode fs.FileMode
	when func(Input) bool
}

func always(Input) bool      { return true }
func onPi(in Input) bool     { return in.Profile.Family == "raspberrypi" }
func withSSH(in Input) bool  { return in.Config.SSH.Enabled }
func watched(in Input) bool  { return in.Config.System.Watchdog > 0 }
func withTime(in Input) bool { return len(in.Config.System.NTP) > 0 }
func withVideo(in Input) bool {
	return in.Config.Camera.Source == "v4l2" || in.Config.Camera.Source == "rpicam"
}

// sources is every file that a box can get.
var sources = []source{
	{"{boot}/cmdline.txt", "cmdline.txt", Words, 0o644, onPi},
	{"{boot}/config.txt", "config.txt", Block, 0o644, onPi},
	{"etc/modprobe.d/secateur.conf", "modprobe.conf", Whole, 0o644, withVideo},
	{"etc/ssh/secateur-keys/secateur-ssh", "keys", Whole, 0o644, withSSH},
	{"etc/ssh/sshd_config.d/50-secateur.conf", "sshd.conf", Whole, 0o644, withSSH},
	{"etc/sysctl.d/60-secateur.conf", "60-secateur.conf", Whole, 0o644, always},
	{"etc/systemd/journald.conf.d/50-secateur.conf", "journald.conf", Whole, 0o644, always},
	{"etc/systemd/system.conf.d/50-secateur-watchdog.conf", "50-secateur-watchdog.conf", Whole, 0o644, watched},
	{"etc/systemd/system/secateur-doctor.service", "secateur-doctor.service", Whole, 0o644, always},
	{"etc/systemd/system/secateur-doctor.timer", "secateur-doctor.timer", Whole, 0o644, always},
	{"etc/systemd/system/secateur-run.service", "secateur-run.service", Whole, 0o644, always},
	{"etc/systemd/system/secateur-scrub.service", "secateur-scrub.service", Whole, 0o644, always},
	{"etc/systemd/system/secateur-scrub.timer", "secateur-scrub.timer", Whole, 0o644, always},
	{"etc/systemd/system/secateur-train.path", "secateur-train.path", Whole, 0o644, always},
	{"etc/systemd/system/secateur-train.service", "secateur-train.service", Whole, 0o644, always},
	{"etc/systemd/timesyncd.conf.d/50-secateur.conf", "timesyncd.conf", Whole, 0o644, withTime},
	{"etc/sysusers.d/secateur.conf", "sysusers.conf", Whole, 0o644, always},
	{"etc/tmpfiles.d/secateur.conf", "tmpfiles.conf", Whole, 0o644, always},
	{"etc/udev/rules.d/60-secateur.rules", "60-secateur.rules", Whole, 0o644, always},
}

// Render makes the files of a box, in order of their paths.
func Render(in Input) ([]File, error) {
	if in.Boot == "" {
		in.Boot = "boot/firmware"
	}
	v := newView(in)
	var files []File
	for _, s := range sources {
		if !s.when(in) {
			continue
		}
		text, err := execute(s.from+".tmpl", v)
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", s.path, err)
		}
		if s.kind == Words {
			text = strings.Join(strings.Fields(text), " ")
		}
		files = append(files, File{Path: strings.Replace(s.path, "{boot}", in.Boot, 1), Mode: s.mode, Kind: s.kind, Text: text})
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func execute(name string, v view) (string, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(templates, "templates/"+name, "templates/hardening.tmpl")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, v)
	return b.String(), err
}

// view is what templates see.
type view struct {
	*Config
	Profile             Profile
	RunCPUs, TrainCPUs  string
	MemoryHigh          string
	BootLines, CmdWords []string
}

func newView(in Input) view {
	v := view{Config: in.Config, Profile: in.Profile, MemoryHigh: lower(in.Config.Train.Memory), BootLines: in.Profile.Boot, CmdWords: in.Profile.Cmdline}
	v.RunCPUs, v.TrainCPUs = shares(in.Profile.CPUs)
	if c := in.Config.Run.CPUs; c != "" {
		v.RunCPUs, v.TrainCPUs = c, without(c, in.Profile.CPUs)
	}
	if in.Config.System.USBPower && strings.HasSuffix(in.Profile.ID, "pi-5") {
		v.BootLines = append(slices.Clone(v.BootLines), "usb_max_current_enable=1")
	}
	return v
}

// lower is nine tenths of a memory limit: where the kernel begins to press.
func lower(limit string) string {
	if p, ok := strings.CutSuffix(limit, "%"); ok {
		n, _ := strconv.Atoi(p)
		return fmt.Sprintf("%d%%", max(n*9/10, 1))
	}
	var n Bytes
	_ = n.UnmarshalText([]byte(limit))
	return fmt.Sprint(int64(n) / 10 * 9)
}

// without is the CPUs of a box that a list does not name, "" if the box's number is not known or none is left.
func without(list string, cpus int) string {
	taken := map[int]bool{}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		lo, _ := strconv.Atoi(first)
		hi := lo
		if isRange {
			hi, _ = strconv.Atoi(last)
		}
		for i := lo; i <= min(hi, cpus); i++ {
			taken[i] = true
		}
	}
	var left []string
	for i := range cpus {
		if !taken[i] {
			left = append(left, strconv.Itoa(i))
		}
	}
	return strings.Join(left, ",")
}

// Writable is the folders that services may write to: ours, and those of the configuration that lie elsewhere.
func (v view) Writable() string {
	dirs := []string{"/var/lib/secateur"}
	for _, d := range []string{v.Models.Dir, v.Gate.Golden, v.Train.Data, v.Retention.Dir} {
		if !slices.ContainsFunc(dirs, func(have string) bool { return d == have || strings.HasPrefix(d, have+"/") }) {
			dirs = append(dirs, d)
		}
	}
	return strings.Join(dirs, " ")
}

// unit is what the hardening of a service depends on.
type unit struct{ Realtime bool }

// Inference is the service whose reject thread runs in real time, Training any other.
func (v view) Inference() unit { return unit{Realtime: true} }
func (v view) Training() unit  { return unit{} }

// Plain is a size in bytes, as systemd reads it.
func (n Bytes) Plain() string { return strconv.FormatInt(int64(n), 10) }

// Seconds is a duration in whole seconds, as systemd wants it.
func (d Duration) Seconds() int { return int(time.Duration(d).Seconds()) }

// MemoryMax is the limit of the training in systemd's notation.
func (v view) MemoryMax() string {
	var n Bytes
	if n.UnmarshalText([]byte(v.Train.Memory)) == nil {
		return fmt.Sprint(int64(n))
	}
	return v.Train.Memory
}

// Addresses is the addresses of a key as authorized_keys wants them.
func (k Key) Addresses() string { return strings.Join(k.From, ",") }

// Body is a public key without its comment, which is somebody else's text.
func (k Key) Body() string {
	f := strings.Fields(k.Public)
	return strings.Join(f[:min(2, len(f))], " ")
}
