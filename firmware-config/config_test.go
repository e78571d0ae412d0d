package firmwareconfig

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

func line(t testing.TB) *Config {
	t.Helper()
	c, err := Load("testdata/line.toml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoad(t *testing.T) {
	c := line(t)
	if c.Reject.Delay != Duration(350*time.Millisecond) || c.Retention.Budget != 8<<30 || c.Run.Margin != 0.2 || len(c.Keys) != 2 || c.Keys[0].From[0] != "10.0.0.0/24" {
		t.Errorf("loaded %+v", c)
	}
	empty, err := Parse("config.toml", nil)
	if err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
	if d := cmp.Diff(Default(), *empty); d != "" {
		t.Error(d)
	}
}

// TestDefaultsRoundTrip: what the defaults say in TOML is read as the defaults.
func TestDefaultsRoundTrip(t *testing.T) {
	want := Default()
	b, err := toml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("config.toml", b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, *got, cmp.Transformer("len", func(s []int) int { return len(s) }), cmp.Transformer("n", func(s []string) int { return len(s) }),
		cmp.Transformer("k", func(s []Key) int { return len(s) }), cmp.Transformer("z", func(s []Zone) int { return len(s) })); d != "" {
		t.Error(d)
	}
}

// TestErrors: each says file, line and key, what was found, and what was wanted.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[camera]\nwidth = \"wide\"\n", `c.toml:2: camera.width: found "wide", want a whole number`},
		{"[camera]\nwidht = 640\n", `c.toml:2: camera.widht: there is no such setting`},
		{"[camera]\nwitness_mean = 90\n", `c.toml:1: camera.witness: is missing, want the region`},
		{"[camera]\n\nwidth = 3\n", `c.toml:3: camera.width: found 3, want 16 to 16384`},
		{"[reject]\npulse = \"5\"\n", `c.toml:2: reject.pulse: "5" is no time, want one like "20ms" or "90s"`},
		{"[reject]\npulse = 5\n", `c.toml:2: reject.pulse: found 5, want a time like "20ms"`},
		{"[retention]\nbudget = \"much\"\n", `c.toml:2: retention.budget: "much" is no size, want one like "64MiB" or "2GB"`},
		{"[camera]\ndevice = \"/dev/video0\"\n", `c.toml:2: camera.device: found "/dev/video0", want a path below /dev/v4l/by-id`},
		{"[trigger]\nsource = \"gpio\"\n", `c.toml:1: trigger.line: is missing, want the line of the trigger`},
		{"[trigger]\nsource = \"gpio\"\nline = \"17\"\n", `c.toml:3: trigger.line: found "17", want a line's name`},
		{"[trigger]\nline=\"GPIO17\"\n[reject]\nline=\"GPIO17\"\n", `c.toml:4: reject.line: GPIO17 is trigger.line already`},
		{"[metrics]\nlisten = \"0.0.0.0:9464\"\n", `c.toml:2: metrics.listen: found "0.0.0.0:9464", want a loopback address`},
		{"[mqtt]\nbroker = \"mqtts://me:secret@host\"\n", `c.toml:2: mqtt.broker: found`},
		{"[system]\nwatchdog = \"30s\"\n", `c.toml:2: system.watchdog: found 30s, want 2s to 15s`},
		{"[models]\ndir = \"/var/lib/a b\"\n", `c.toml:2: models.dir: found "/var/lib/a b", want an absolute path`},
		{"[train]\nmemory = \"0%\"\n", `c.toml:2: train.memory: found "0%", want a share like 60% or a size like 700MiB`},
		{"[[key]]\nname = \"a\"\npublic = \"ssh-ed25519 AAAA\\\" command=x\"\nscopes = [\"root\"]\n", `c.toml:4: key[0].scopes: found "root", want one of look, upload, train, promote`},
		{"[[key]]\nname = \"a b\"\n", `c.toml:2: key[0].name: found "a b"`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [9, 1], [9]]\nclasses = [\"x\"]\n", `c.toml:3: zone[0].polygon: corner 3 has 1 numbers, want x and y`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [9, 1]]\nclasses = [\"x\"]\n", `c.toml:3: zone[0].polygon: found 2 corners, want 3 to 64`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [900, 1], [9, 9]]\nclasses = [\"x\"]\n", `c.toml:3: zone[0].polygon: corner 2 is 900, 1, want it within 640 x 480`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [5, 5], [9, 9]]\nclasses = [\"x\"]\n", `c.toml:3: zone[0].polygon: has no area`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [9, 9], [1, 9], [9, 1]]\nclasses = [\"x\"]\n", `c.toml:3: zone[0].polygon: the side from corner 1 crosses the one from corner 3`},
		{"[[zone]]\nname = \"a\"\npolygon = 7\nclasses = [\"x\"]\n", `c.toml:3: zone.polygon: found 7, want a list`},
		{"[[zone]]\nname = \"a\"\npolygon = [[1, 1], [9, 1], [9, 9]]\n", `c.toml:1: zone[0].classes: is empty, and so is reject.classes`},
		{"[[zone]]\nname = \"a\"\nshape = 1\n", `c.toml:3: zone.shape: there is no such setting`},
		{"[box]\nname = \"x\"\n[box]\n", `c.toml:3: `},
		{"[box\n", `c.toml:1: `},
		{"[box]\nboard = \"toaster\"\n", `c.toml:2: box.board: found "toaster", want one of auto, pc`},
	} {
		_, err := Parse("c.toml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v\nwant %s", c.text, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "firmwareconfig.") {
			t.Errorf("%q: the error speaks Go: %v", c.text, err)
		}
		var field *FieldError
		if !errors.As(err, &field) || field.Line == 0 {
			t.Errorf("%q: no line in %v", c.text, err)
		}
	}
}

// TestAllErrorsAtOnce: nobody wants to find them one by one.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Parse("c.toml", []byte("[camera]\nwidth=1\nheight=1\n[gate]\nworst=2\n"))
	if err == nil || strings.Count(err.Error(), "c.toml:") != 3 {
		t.Errorf("errors: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile("testdata/line.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("[[key]]\nname='x'\n[[key]]\n"))
	f.Add([]byte("[camera]\nwitness=[1,2,3,4]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("c.toml", text)
		if err != nil {
			return
		}
		p, err := ProfileOf("raspberrypi-5")
		if err != nil {
			t.Fatal(err)
		}
		files, err := Render(Input{Config: c, Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range files { // nothing that a value says becomes a line of its own
			if n := strings.Count(x.Text, "\nExecStart="); strings.HasSuffix(x.Path, ".service") && n != 1 {
				t.Fatalf("%s has %d commands:\n%s", x.Path, n, x.Text)
			}
		}
	})
}
