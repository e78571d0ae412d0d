// Package firmwareconfig is the configuration of a box: board profiles, the one config.toml that run, gate, retrain and
// doctor read, the files of the system that follow from both, and how these are put in place, taken back and watched.
package firmwareconfig

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Path is where a box keeps its configuration.
const Path = "/etc/secateur/config.toml"

// Where a box keeps what no setting moves.
const (
	Program  = "/usr/bin/secateur"
	Spool    = "/var/lib/secateur/spool"      // jobs
	Runs     = "/var/lib/secateur/runs"       // of jobs
	Audit    = "/var/log/secateur/gate.jsonl" // of the gate
	GateUser = "secateur-ssh"                 // the account of the gate
)

// Config is config.toml, whole. What is left out has the value of Default; what is not known here is an error.
type Config struct {
	Box       Box       `toml:"box"`
	Camera    Camera    `toml:"camera"`
	Trigger   Trigger   `toml:"trigger"`
	Reject    Reject    `toml:"reject"`
	Signals   Signals   `toml:"signals"`
	Run       Run       `toml:"run"`
	Models    Models    `toml:"models"`
	Gate      Gate      `toml:"gate"`
	Train     Train     `toml:"train"`
	SSH       SSH       `toml:"ssh"`
	MQTT      MQTT      `toml:"mqtt"`
	Metrics   Metrics   `toml:"metrics"`
	Retention Retention `toml:"retention"`
	Thermal   Thermal   `toml:"thermal"`
	System    System    `toml:"system"`
	Zones     []Zone    `toml:"zone"` // where a detector's boxes reject a part; none: anywhere
	Keys      []Key     `toml:"key"`  // who may do what over SSH
}

// Box names the box.
type Box struct {
	Name  string `toml:"name"`  // in events, topics and metrics: letters, digits, . _ -
	Board string `toml:"board"` // "auto", or a profile: an unknown board runs as this one
}

// Camera is where pictures come from. Exposure, gain and white balance are locked: a picture that changes by itself
// cannot be compared.
type Camera struct {
	Source       string   `toml:"source"` // v4l2, rpicam, argus, rtsp, http, folder
	Device       string   `toml:"device"` // /dev/v4l/by-id/…, a URL, a folder, or a camera number
	Width        int      `toml:"width"`  // pixels
	Height       int      `toml:"height"`
	Format       string   `toml:"format"` // auto, MJPG, YUYV, NV12, GREY, RGGB, …
	FPS          float64  `toml:"fps"`    // 0: the camera's own
	ExposureUS   int      `toml:"exposure_us"`
	Gain         float64  `toml:"gain"`             // in the camera's unit
	WhiteBalance int      `toml:"white_balance"`    // kelvin, 0: leave it
	Focus        int      `toml:"focus"`            // in the camera's unit, -1: leave it
	Lock         bool     `toml:"lock"`             // refuse to run where the lock cannot be proved
	Witness      []int    `toml:"witness"`          // x, y, width, height of the grey card; none: not watched
	WitnessMean  float64  `toml:"witness_mean"`     // 0 to 255 as commissioned; 0: the first picture's
	WitnessDrift float64  `toml:"witness_drift"`    // largest change of the mean that is borne
	Crop         []int    `toml:"crop"`             // x, y, width, height of the part; none: all of it
	XTR          bool     `toml:"hardware_trigger"` // the sensor exposes at its own trigger input (XTR of the Pi's global shutter)
	Stall        Duration `toml:"stall"`            // without a frame for so long the source is started again; 0: three frame times, at least 5 s
}

// Trigger says when a part is in front of the camera.
type Trigger struct {
	Source   string   `toml:"source"` // gpio, free (every frame), timer
	Line     string   `toml:"line"`   // by name (GPIO17) or header pin (pin 11), never by number
	Edge     string   `toml:"edge"`   // rising, falling
	Bias     string   `toml:"bias"`   // as-is, pull-up, pull-down, disabled
	Debounce Duration `toml:"debounce"`
	Every    Duration `toml:"every"`   // of the timer
	Timeout  Duration `toml:"timeout"` // without a part for so long is an alarm; 0: none
}

// Reject is how a bad part leaves the line.
type Reject struct {
	Line     string   `toml:"line"` // "": nothing is driven
	Active   string   `toml:"active"`
	Delay    Duration `toml:"delay"`   // from the trigger's edge, by the kernel's stamp
	Encoder  string   `toml:"encoder"` // line of the encoder; then Counts is the travel instead of Delay
	Counts   int      `toml:"counts"`
	Pulse    Duration `toml:"pulse"`
	Longest  Duration `toml:"longest"` // overlapping pulses merge up to this
	Late     string   `toml:"late"`    // what becomes of a part whose verdict is late: reject, pass
	InFlight int      `toml:"in_flight"`
	Classes  []string `toml:"classes"` // rejected, beside doubtful parts
	Score    float64  `toml:"score"`   // of a detector's box that rejects; 0: the model's own threshold
}

// Zone is where boxes of a detector reject a part: those whose centre lies inside. With zones, boxes elsewhere do not.
type Zone struct {
	Name    string      `toml:"name"`
	Polygon [][]float64 `toml:"polygon"` // its corners, x, y in pixels of what the model sees: of camera.crop, if there is one
	Classes []string    `toml:"classes"` // that reject here; none: those of reject
	Score   float64     `toml:"score"`   // that a box has at least; 0: that of reject
}

// Signals are lines for people. "" is not there.
type Signals struct {
	Lamp      string `toml:"lamp"`      // on while the box judges
	Buzzer    string `toml:"buzzer"`    // at an alarm
	Heartbeat string `toml:"heartbeat"` // toggles while the box lives: for a watchdog relay
}

// Run is inference on the line.
type Run struct {
	Latency  Duration `toml:"latency"` // from trigger to verdict, at p99
	Threads  int      `toml:"threads"` // 0: the CPUs it has
	CPUs     string   `toml:"cpus"`    // of inference alone, as in 2-3; "": the profile's
	Margin   float64  `toml:"margin"`  // a verdict with a smaller gap between the best two classes is doubtful
	Doubtful string   `toml:"doubtful"`
	Drift    float64  `toml:"drift"` // population stability index against the golden set that is an alarm
	Window   int      `toml:"window"`
}

// Models is where models live.
type Models struct {
	Dir       string `toml:"dir"`
	PublicKey string `toml:"public_key"` // minisign; "": signatures are not asked for
	Trial     int    `toml:"trial"`      // parts that a new model judges before it is confirmed
	Keep      int    `toml:"keep"`       // refused and former models
}

// Gate is what a retrained model must reach on the golden set before it goes live.
type Gate struct {
	Golden  string   `toml:"golden"`  // folder of the golden set
	Overall float64  `toml:"overall"` // accuracy, of a detector AP@.5, may be lower than the live model's by so much
	Worst   float64  `toml:"worst"`   // that of the worst class too
	Latency Duration `toml:"latency"` // 0: that of run
	Minimum float64  `toml:"minimum"` // accuracy that is wanted of every class in any case; 0: one half
}

// Train is the retraining.
type Train struct {
	Data      string   `toml:"data"`      // labelled images
	Criterion string   `toml:"criterion"` // of pruning; "": no pruning
	Keep      string   `toml:"keep"`      // budget: macs=0.5
	Epochs    int      `toml:"epochs"`
	Batch     int      `toml:"batch"`
	Threads   int      `toml:"threads"` // 0: the CPUs it has
	Memory    string   `toml:"memory"`  // of the service: 60% or 700MiB
	Time      Duration `toml:"time"`    // budget of a retraining
	PerHour   int      `toml:"per_hour"`
}

// SSH is the gate's account.
type SSH struct {
	Enabled     bool  `toml:"enabled"`
	MaxSessions int   `toml:"max_sessions"`
	PerMinute   int   `toml:"per_minute"` // commands a key
	Upload      Bytes `toml:"upload"`     // of one put
	Quota       Bytes `toml:"quota"`      // of all that was put
}

// MQTT is where events go. Without a broker there are none.
type MQTT struct {
	Broker   string   `toml:"broker"` // mqtts://host:8883
	Topic    string   `toml:"topic"`
	User     string   `toml:"user"`
	Password string   `toml:"password_file"` // the secret itself never stands here
	CA       string   `toml:"ca_file"`
	QoS      int      `toml:"qos"`
	Buffer   int      `toml:"buffer"` // events kept while the broker is away
	Alive    Duration `toml:"keep_alive"`
}

// Metrics is the page for Prometheus.
type Metrics struct {
	Listen string `toml:"listen"` // loopback alone; "": none
}

// Retention is which pictures are kept. Pictures, not checkpoints, wear a card out.
type Retention struct {
	Dir      string   `toml:"dir"`
	Rejects  bool     `toml:"rejects"`
	Doubtful bool     `toml:"doubtful"`
	PassOne  int      `toml:"pass_one_in"` // 0: no picture of a good part
	Budget   Bytes    `toml:"budget"`      // of the ring
	PerDay   Bytes    `toml:"per_day"`     // written at most
	Age      Duration `toml:"age"`         // 0: until the ring is full
	Reserve  Bytes    `toml:"reserve"`     // free space that is left alone
}

// Thermal is what the governor keeps to.
type Thermal struct {
	Limit  float64 `toml:"limit"`  // °C; 0: the point of throttling less Margin
	Margin float64 `toml:"margin"` // °C
}

// System is the box itself.
type System struct {
	Watchdog Duration `toml:"watchdog"` // of the hardware; 0: none
	Journal  Bytes    `toml:"journal"`
	NTP      []string `toml:"ntp"`
	USBPower bool     `toml:"usb_max_current"` // Pi 5: the supply gives 5 A although it cannot say so
}

// Key is somebody's SSH key and what it may be used for.
type Key struct {
	Name   string   `toml:"name"`
	Public string   `toml:"public"` // ssh-ed25519 AAAA…
	Scopes []string `toml:"scopes"`
	From   []string `toml:"from"` // addresses and networks; none: anywhere
}

// Command is the forced command of the key, and the only one that the gate's account runs.
func (k Key) Command() string { return gateCommand + k.Name }

const gateCommand = Program + " gate "

// KeyOf is the name of the key whose forced command a line is, byte for byte; false for any other line.
func KeyOf(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(line, gateCommand)
	return name, ok && isName(name)
}

// Scopes is what a key can be good for, as the gate calls it; "look" is in each.
func Scopes() []string { return []string{"look", "upload", "train", "promote"} }

// Duration is a time as in "20ms" or "90s".
type Duration time.Duration

// UnmarshalText reads Go's notation.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no time, want one like \"20ms\" or \"90s\"", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText is Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string { return time.Duration(d).String() }

// Bytes is a size as in "64MiB" or "2GB".
type Bytes int64

var units = []struct {
	name string
	size int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// UnmarshalText reads a number with a unit.
func (n *Bytes) UnmarshalText(b []byte) error {
	for _, u := range units {
		s, ok := strings.CutSuffix(string(b), u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err == nil && v >= 0 && v*float64(u.size) < 1<<62 {
			*n = Bytes(v * float64(u.size))
			return nil
		}
		break
	}
	return fmt.Errorf("%q is no size, want one like \"64MiB\" or \"2GB\"", b)
}

// String is the size in the largest unit that divides it.
func (n Bytes) String() string {
	best := fmt.Sprintf("%dB", int64(n))
	for _, u := range units {
		if u.size > 1 && n > 0 && int64(n)%u.size == 0 {
			if s := fmt.Sprintf("%d%s", int64(n)/u.size, u.name); len(s) <= len(best) {
				best = s
			}
		}
	}
	return best
}

// MarshalText is String.
func (n Bytes) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Default is what holds where config.toml says nothing.
func Default() Config {
	return Config{
		Box:    Box{Name: "secateur", Board: "auto"},
		Camera: Camera{Source: "v4l2", Width: 640, Height: 480, Format: "auto", ExposureUS: 2000, Focus: -1, Lock: true, WitnessDrift: 8},
		Trigger: Trigger{Source: "free", Edge: "rising", Bias: "as-is", Debounce: Duration(5 * time.Millisecond), Every: Duration(time.Second),
			Timeout: 0},
		Reject: Reject{Active: "high", Pulse: Duration(50 * time.Millisecond), Longest: Duration(500 * time.Millisecond), Late: "reject", InFlight: 16},
		Run:    Run{Latency: Duration(100 * time.Millisecond), Margin: 0.2, Doubtful: "reject", Drift: 0.25, Window: 500},
		Models: Models{Dir: "/var/lib/secateur/models", Trial: 200, Keep: 3},
		Gate:   Gate{Golden: "/var/lib/secateur/golden", Overall: 0.01, Worst: 0.02, Minimum: 0},
		Train: Train{Data: "/var/lib/secateur/data", Criterion: "fisher", Keep: "macs=0.5", Epochs: 30, Batch: 16, Memory: "60%",
			Time: Duration(2 * time.Hour), PerHour: 6},
		SSH:     SSH{Enabled: true, MaxSessions: 4, PerMinute: 30, Upload: 256 << 20, Quota: 2 << 30},
		MQTT:    MQTT{Topic: "secateur/{box}", QoS: 1, Buffer: 10000, Alive: Duration(30 * time.Second)},
		Metrics: Metrics{Listen: "127.0.0.1:9464"},
		Retention: Retention{Dir: "/var/lib/secateur/pictures", Rejects: true, Doubtful: true, PassOne: 100, Budget: 4 << 30, PerDay: 2e9,
			Reserve: 1 << 30},
		Thermal: Thermal{Margin: 6},
		System:  System{Watchdog: Duration(10 * time.Second), Journal: 64 << 20},
	}
}
