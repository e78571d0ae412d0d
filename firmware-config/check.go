package firmwareconfig

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checks gathers what is wrong with values that have the right type.
type checks struct{ errs []*FieldError }

func (c *checks) bad(key, format string, args ...any) {
	c.errs = append(c.errs, &FieldError{Key: key, Msg: fmt.Sprintf(format, args...)})
}

func (c *checks) oneOf(key, value string, of ...string) {
	if !slices.Contains(of, value) {
		c.bad(key, "found %q, want one of %s", value, strings.Join(of, ", "))
	}
}

func (c *checks) between(key string, value, lo, hi float64) {
	if !(value >= lo && value <= hi) {
		c.bad(key, "found %v, want %v to %v", value, lo, hi)
	}
}

func (c *checks) time(key string, value Duration, lo, hi time.Duration) {
	if d := time.Duration(value); d < lo || d > hi {
		c.bad(key, "found %v, want %v to %v", value, lo, hi)
	}
}

var (
	nameRule    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	lineRule    = regexp.MustCompile(`^(GPIO[0-9]{1,2}|pin [0-9]{1,2}|[A-Za-z][A-Za-z0-9_.-]*)?$`)
	cpusRule    = regexp.MustCompile(`^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$`)
	percentRule = regexp.MustCompile(`^([1-9]|[1-9][0-9]|100)%$`)
	ntpRule     = regexp.MustCompile(`^[A-Za-z0-9.:-]+$`)
	pathRule    = regexp.MustCompile(`^/[A-Za-z0-9._/@+-]*$`)
)

// What names may have of letters. The patterns do not count them: one that does takes milliseconds to compile, at every start.
const (
	mostName = 63
	mostLine = 32
)

func isName(s string) bool { return len(s) <= mostName && nameRule.MatchString(s) }

func (c *checks) name(key, value string) {
	if !isName(value) {
		c.bad(key, "found %q, want 1 to 63 letters, digits, '.', '_' or '-'", value)
	}
}

func (c *checks) line(key, value string) {
	if len(value) > mostLine || !lineRule.MatchString(value) {
		c.bad(key, "found %q, want a line's name like GPIO17, or a header pin like \"pin 11\": numbers change with the kernel", value)
	}
}

// dir wants an absolute path of plain characters: it goes into units.
func (c *checks) dir(key, value string) {
	if !pathRule.MatchString(value) || path.Clean(value) != value || value == "/" {
		c.bad(key, "found %q, want an absolute path of letters, digits and ._/@+-", value)
	}
}

// check looks at every value. Lines are added by the caller.
func (c *Config) check() []*FieldError {
	var k checks
	k.name("box.name", c.Box.Name)
	k.oneOf("box.board", c.Box.Board, append([]string{"auto"}, ProfileIDs()...)...)
	c.checkCamera(&k)
	c.checkLines(&k)
	c.checkModels(&k)
	c.checkNetwork(&k)
	c.checkSystem(&k)
	c.checkZones(&k)
	for i, key := range c.Keys {
		key.check(&k, fmt.Sprintf("key[%d]", i), c.Keys[:i])
	}
	return k.errs
}

func (c *Config) checkCamera(k *checks) {
	x := c.Camera
	k.oneOf("camera.source", x.Source, "v4l2", "rpicam", "argus", "rtsp", "http", "folder")
	k.between("camera.width", float64(x.Width), 16, 16384)
	k.between("camera.height", float64(x.Height), 16, 16384)
	k.between("camera.fps", x.FPS, 0, 1000)
	k.between("camera.exposure_us", float64(x.ExposureUS), 1, 10e6)
	k.between("camera.gain", x.Gain, 0, 1e6)
	k.between("camera.white_balance", float64(x.WhiteBalance), 0, 20000)
	k.between("camera.witness_mean", x.WitnessMean, 0, 255)
	k.between("camera.witness_drift", x.WitnessDrift, 0.1, 255)
	k.time("camera.stall", x.Stall, 0, 50*time.Second) // run's watchdog bears a camera that is silent for 60 s
	if x.WitnessMean > 0 && len(x.Witness) == 0 {
		k.bad("camera.witness", "is missing, want the region whose mean camera.witness_mean is")
	}
	if x.Source == "v4l2" && strings.HasPrefix(x.Device, "/dev/video") {
		k.bad("camera.device", "found %q, want a path below /dev/v4l/by-id or by-path: the number changes when a camera is plugged in again", x.Device)
	}
	for name, r := range map[string][]int{"camera.witness": x.Witness, "camera.crop": x.Crop} {
		if len(r) == 0 {
			continue
		}
		if len(r) != 4 || r[0] < 0 || r[1] < 0 || r[2] < 1 || r[3] < 1 || r[0]+r[2] > x.Width || r[1]+r[3] > x.Height {
			k.bad(name, "found %v, want x, y, width, height within %d x %d", r, x.Width, x.Height)
		}
	}
}

func (c *Config) checkLines(k *checks) {
	t, r := c.Trigger, c.Reject
	k.oneOf("trigger.source", t.Source, "gpio", "free", "timer")
	k.oneOf("trigger.edge", t.Edge, "rising", "falling")
	k.oneOf("trigger.bias", t.Bias, "as-is", "pull-up", "pull-down", "disabled")
	k.time("trigger.debounce", t.Debounce, 0, time.Second)
	k.time("trigger.every", t.Every, time.Millisecond, 24*time.Hour)
	k.time("trigger.timeout", t.Timeout, 0, 24*time.Hour)
	if t.Source == "gpio" && t.Line == "" {
		k.bad("trigger.line", "is missing, want the line of the trigger")
	}
	k.oneOf("reject.active", r.Active, "high", "low")
	k.oneOf("reject.late", r.Late, "reject", "pass")
	k.time("reject.delay", r.Delay, 0, time.Minute)
	k.time("reject.pulse", r.Pulse, time.Millisecond, 10*time.Second)
	k.time("reject.longest", r.Longest, time.Duration(r.Pulse), time.Minute)
	k.between("reject.score", r.Score, 0, 1)
	k.between("reject.in_flight", float64(r.InFlight), 1, 10000)
	if r.Encoder != "" && r.Counts < 1 {
		k.bad("reject.counts", "found %d, want the travel in counts of the encoder", r.Counts)
	}
	used := map[string]string{}
	for _, l := range []struct{ key, value string }{{"trigger.line", t.Line}, {"reject.line", r.Line}, {"reject.encoder", r.Encoder},
		{"signals.lamp", c.Signals.Lamp}, {"signals.buzzer", c.Signals.Buzzer}, {"signals.heartbeat", c.Signals.Heartbeat}} {
		k.line(l.key, l.value)
		if other := used[l.value]; l.value != "" && other != "" {
			k.bad(l.key, "%s is %s already", l.value, other)
		}
		used[l.value] = l.key
	}
}

func (c *Config) checkModels(k *checks) {
	k.time("run.latency", c.Run.Latency, time.Millisecond, time.Minute)
	k.between("run.threads", float64(c.Run.Threads), 0, 1024)
	k.between("run.margin", c.Run.Margin, 0, 1)
	k.oneOf("run.doubtful", c.Run.Doubtful, "reject", "pass", "as-judged")
	k.between("run.drift", c.Run.Drift, 0.01, 100)
	k.between("run.window", float64(c.Run.Window), 10, 1e6)
	if !cpusRule.MatchString(c.Run.CPUs) {
		k.bad("run.cpus", "found %q, want CPUs like 2-3 or 0,2", c.Run.CPUs)
	}
	k.dir("models.dir", c.Models.Dir)
	k.between("models.trial", float64(c.Models.Trial), 0, 1e6)
	k.between("models.keep", float64(c.Models.Keep), 1, 1000)
	if p := c.Models.PublicKey; p != "" {
		if b, err := base64.StdEncoding.DecodeString(p); err != nil || len(b) != 42 || string(b[:2]) != "Ed" {
			k.bad("models.public_key", "found %q, want the second line of a minisign public key", p)
		}
	}
	k.dir("gate.golden", c.Gate.Golden)
	k.between("gate.overall", c.Gate.Overall, 0, 1)
	k.between("gate.worst", c.Gate.Worst, 0, 1)
	k.between("gate.minimum", c.Gate.Minimum, 0, 1)
	k.time("gate.latency", c.Gate.Latency, 0, time.Minute)
	k.dir("train.data", c.Train.Data)
	k.between("train.epochs", float64(c.Train.Epochs), 0, 10000)
	k.between("train.batch", float64(c.Train.Batch), 1, 4096)
	k.between("train.threads", float64(c.Train.Threads), 0, 1024)
	k.between("train.per_hour", float64(c.Train.PerHour), 1, 3600)
	k.time("train.time", c.Train.Time, time.Second, 7*24*time.Hour)
	var size Bytes
	if !percentRule.MatchString(c.Train.Memory) && (size.UnmarshalText([]byte(c.Train.Memory)) != nil || size < 16<<20) {
		k.bad("train.memory", "found %q, want a share like 60%% or a size like 700MiB", c.Train.Memory)
	}
	if strings.ContainsAny(c.Train.Criterion+c.Train.Keep, " \t\n\"'\\$%") {
		k.bad("train.keep", "found %q and %q, want words without blanks and quotes", c.Train.Criterion, c.Train.Keep)
	}
}

func (c *Config) checkNetwork(k *checks) {
	k.between("ssh.max_sessions", float64(c.SSH.MaxSessions), 1, 64)
	k.between("ssh.per_minute", float64(c.SSH.PerMinute), 1, 6000)
	if m := c.MQTT; m.Broker != "" {
		u, err := url.Parse(m.Broker)
		if err != nil || u.Host == "" || !slices.Contains([]string{"mqtt", "mqtts", "ws", "wss"}, u.Scheme) || u.User != nil {
			k.bad("mqtt.broker", "found %q, want mqtt://HOST:PORT or mqtts://HOST:PORT, without a password", m.Broker)
		}
		k.between("mqtt.qos", float64(m.QoS), 0, 2)
		k.between("mqtt.buffer", float64(m.Buffer), 0, 1e7)
		k.time("mqtt.keep_alive", m.Alive, time.Second, time.Hour)
		if m.Topic == "" || strings.ContainsAny(m.Topic, "+#\x00") {
			k.bad("mqtt.topic", "found %q, want a topic without + and #", m.Topic)
		}
	}
	if l := c.Metrics.Listen; l != "" {
		host, _, err := net.SplitHostPort(l)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			k.bad("metrics.listen", "found %q, want a loopback address like 127.0.0.1:9464", l)
		}
	}
}

func (c *Config) checkSystem(k *checks) {
	k.dir("retention.dir", c.Retention.Dir)
	k.between("retention.pass_one_in", float64(c.Retention.PassOne), 0, 1e9)
	k.time("retention.age", c.Retention.Age, 0, 100*365*24*time.Hour)
	k.between("thermal.limit", c.Thermal.Limit, 0, 120)
	k.between("thermal.margin", c.Thermal.Margin, 0, 60)
	if w := c.System.Watchdog; w != 0 {
		k.time("system.watchdog", w, 2*time.Second, 15*time.Second) // a Pi's counts to 15; before Linux 6.8 more is silently none
	}
	k.between("system.journal", float64(c.System.Journal), 1<<20, 1<<40)
	for i, s := range c.System.NTP {
		if !ntpRule.MatchString(s) {
			k.bad(fmt.Sprintf("system.ntp[%d]", i), "found %q, want the name or address of a time server", s)
		}
	}
}

// check looks at one key, and that nobody before has its name or its public key.
func (key Key) check(k *checks, at string, before []Key) {
	k.name(at+".name", key.Name)
	kind, rest, _ := strings.Cut(key.Public, " ")
	body, _, _ := strings.Cut(rest, " ")
	kinds := []string{"ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ssh-rsa"}
	blob, err := base64.StdEncoding.DecodeString(body)
	if !slices.Contains(kinds, kind) || err != nil || len(blob) < 32 || strings.ContainsAny(key.Public, "\n\r\"") {
		k.bad(at+".public", "found %q, want one line of a public key: ssh-ed25519 AAAA…", key.Public)
	}
	if len(key.Scopes) == 0 {
		k.bad(at+".scopes", "is empty, want some of %s", strings.Join(Scopes(), ", "))
	}
	for _, s := range key.Scopes {
		k.oneOf(at+".scopes", s, Scopes()...)
	}
	for _, from := range key.From {
		_, err := netip.ParsePrefix(from)
		if _, err2 := netip.ParseAddr(from); err != nil && err2 != nil {
			k.bad(at+".from", "found %q, want an address or a network like 10.0.0.0/24", from)
		}
	}
	for _, other := range before {
		if other.Name == key.Name || strings.HasPrefix(other.Public, kind+" "+body) {
			k.bad(at+".name", "%s has the name or the key of %s already", key.Name, other.Name)
		}
	}
}
