package camera

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Spec says which camera, and how.
type Spec struct {
	Kind          string // video, rpicam, argus, rtsp, http, exec, play, folder
	Path          string // a device, file, folder, address, or a program with its arguments
	Pixel         Pixel
	Width, Height int
	FPS           float64
	Stride        int
	Full, BT709   bool
	Raw           bool // a child's frames have no heads
	Loop          bool
	Sensor        int
	Shutter       time.Duration // rpicam and argus
	Gain          float64
	Red, Blue     float64       // gains of white balance
	White         int           // kelvin of white balance, of a video device
	Focus         int           // of a video device, in its unit; below 0: as it is
	Stall         time.Duration // without a frame for so long it is opened again; 0: by the rate
	Lock          bool          // hold exposure, gain, white balance and focus
}

// Help is what a SPEC may be.
const Help = `/dev/video0, /dev/v4l/by-id/NAME   a camera of the kernel
rpicam                             a Raspberry Pi's CSI camera through rpicam-vid
argus                              a Jetson's CSI camera through gst-launch-1.0
rtsp://HOST/PATH                   through gst-launch-1.0
http://HOST/PATH                   MJPEG
FOLDER, FILE.jpg, FILE.png         pictures
FILE.frames                        a recording
exec:PROGRAM ARG…                  a program that writes a stream of frames
Settings follow after commas: size=1280x720, fps=30, format=YUYV, stride=1344, loop, lock, stall=20s,
sensor=1, shutter=5ms, gain=2, red=1.5, blue=1.8, white=4600, focus=30`

// ErrSpec is a camera that cannot be understood.
var ErrSpec = errors.New("camera not understood")

// ParseSpec reads a SPEC.
func ParseSpec(text string) (Spec, error) {
	s := Spec{Width: 640, Height: 480, Focus: -1}
	fields := strings.Split(text, ",")
	rest := fields[0]
	for i, f := range fields[1:] {
		if err := s.setting(f); err != nil {
			return Spec{}, fmt.Errorf("%w: %q, setting %d: %w", ErrSpec, text, i+1, err)
		}
	}
	s.Kind, s.Path = kindOf(rest)
	if s.Kind == "" {
		return Spec{}, fmt.Errorf("%w: %q; want one of: %s", ErrSpec, text, strings.Join(strings.Fields(strings.ReplaceAll(Help, "\n", " ")), " "))
	}
	return s, s.check()
}

func kindOf(s string) (kind, path string) {
	scheme, rest, found := strings.Cut(s, ":")
	switch {
	case s == "rpicam" || s == "argus":
		return s, ""
	case found && scheme == "exec" && strings.TrimSpace(rest) != "":
		return scheme, rest
	case found && (scheme == "http" || scheme == "https"):
		return "http", s
	case found && (scheme == "rtsp" || scheme == "rtsps"):
		return "rtsp", s
	case strings.HasPrefix(s, "/dev/"):
		return "video", s
	case strings.HasSuffix(s, ".frames"):
		return "play", s
	case s != "" && (isPicture(filepath.Base(s)) || isFolder(s)):
		return "folder", s
	}
	return "", s
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// setting reads one key=value.
func (s *Spec) setting(text string) (err error) {
	key, v, _ := strings.Cut(text, "=")
	switch key {
	case "size":
		w, h, _ := strings.Cut(v, "x")
		if s.Width, err = strconv.Atoi(w); err == nil {
			s.Height, err = strconv.Atoi(h)
		}
	case "fps":
		s.FPS, err = strconv.ParseFloat(v, 64)
	case "format":
		if s.Pixel = Pixel(v); s.Pixel.Planes() == nil {
			err = fmt.Errorf("format %q, want one of %v", v, Pixels())
		}
	case "stride":
		s.Stride, err = strconv.Atoi(v)
	case "loop":
		s.Loop = true
	case "lock":
		s.Lock = true
	case "stall":
		s.Stall, err = time.ParseDuration(v)
	case "sensor":
		s.Sensor, err = strconv.Atoi(v)
	case "shutter":
		s.Shutter, err = time.ParseDuration(v)
	case "gain":
		s.Gain, err = strconv.ParseFloat(v, 64)
	case "white":
		s.White, err = strconv.Atoi(v)
	case "focus":
		s.Focus, err = strconv.Atoi(v)
	case "red":
		s.Red, err = strconv.ParseFloat(v, 64)
	case "blue":
		s.Blue, err = strconv.ParseFloat(v, 64)
	default:
		err = fmt.Errorf("unknown setting %q", key)
	}
	return err
}

func (s Spec) check() error {
	for _, c := range []struct {
		what      string
		v, lo, hi float64
	}{
		{"width", float64(s.Width), 1, maxSide}, {"height", float64(s.Height), 1, maxSide}, {"fps", s.FPS, 0, 1000},
		{"stride", float64(s.Stride), 0, 1 << 20}, {"sensor", float64(s.Sensor), 0, 15}, {"shutter", s.Shutter.Seconds(), 0, 60},
		{"gain", s.Gain, 0, 1000}, {"red", s.Red, 0, 100}, {"blue", s.Blue, 0, 100},
		{"white", float64(s.White), 0, 20000}, {"focus", float64(s.Focus), -1, 1 << 20}, {"stall", s.Stall.Seconds(), 0, 86400},
	} {
		if !(c.v >= c.lo && c.v <= c.hi) {
			return fmt.Errorf("%w: %s of %g, want %g to %g", ErrSpec, c.what, c.v, c.lo, c.hi)
		}
	}
	return s.checkLock()
}

// checkLock refuses a lock that would hold nothing.
func (s Spec) checkLock() error {
	switch {
	case !s.Lock, s.Kind == "video":
		return nil
	case s.Kind == "rpicam" && (s.Shutter == 0 || s.Gain == 0 || s.Red == 0 || s.Blue == 0):
		return fmt.Errorf("%w: rpicam is locked by giving shutter=, gain=, red= and blue=", ErrSpec)
	case s.Kind == "argus" && (s.Shutter == 0 || s.Gain == 0):
		return fmt.Errorf("%w: argus is locked by giving shutter= and gain=", ErrSpec)
	case s.Kind == "rpicam" || s.Kind == "argus":
		return nil
	}
	return fmt.Errorf("%w: this program cannot lock %s; lock it in the camera's own settings", ErrSpec, s.Path)
}

// interval is the pause between frames, none where no rate is given.
func (s Spec) interval() time.Duration {
	if s.FPS == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / s.FPS)
}
