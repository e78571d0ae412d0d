package camera

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	Red, Blue     float64 // gains of white balance
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
Settings follow after commas: size=1280x720, fps=30, format=YUYV, stride=1344, loop,
sensor=1, shutter=5ms, gain=2, red=1.5, blue=1.8`

// ErrSpec is a camera that cannot be understood.
var ErrSpec = errors.New("camera not understood")

// ParseSpec reads a SPEC.
func ParseSpec(text string) (Spec, error) {
	s := Spec{Width: 640, Height: 480}
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
	case "sensor":
		s.Sensor, err = strconv.Atoi(v)
	case "shutter":
		s.Shutter, err = time.ParseDuration(v)
	case "gain":
		s.Gain, err = strconv.ParseFloat(v, 64)
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
	} {
		if !(c.v >= c.lo && c.v <= c.hi) {
			return fmt.Errorf("%w: %s of %g, want %g to %g", ErrSpec, c.what, c.v, c.lo, c.hi)
		}
	}
	return nil
}

// interval is the pause between frames, none where no rate is given.
func (s Spec) interval() time.Duration {
	if s.FPS == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / s.FPS)
}

// Open opens the camera and looks after it until it is closed. log is told of failures that are
// being mended. A camera that is not there is ErrMissing.
func Open(ctx context.Context, s Spec, log func(error)) (Source, error) {
	switch s.Kind {
	case "folder":
		return openFolder(s)
	case "play":
		return openRecording(s)
	}
	return Supervise(ctx, func(ctx context.Context) (Source, error) { return openOnce(ctx, s) }, log)
}

func openOnce(ctx context.Context, s Spec) (Source, error) {
	switch s.Kind {
	case "video":
		return openVideo(s)
	case "http":
		return openHTTP(ctx, s)
	}
	c, s, err := s.command()
	if err != nil {
		return nil, err
	}
	return startChild(s, c)
}

func openRecording(s Spec) (Source, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	p := NewPlayer(f)
	p.pace = s.FPS > 0
	return p, nil
}

// command is the program that reads the camera, and what its frames are.
func (s Spec) command() (Command, Spec, error) {
	s.Raw, s.Pixel = s.Kind != "exec", I420
	switch s.Kind {
	case "rpicam":
		c, err := s.rpicam()
		return c, s, err
	case "argus":
		s.BT709 = false
		c, err := s.gst(s.argus())
		return c, s, err
	case "rtsp":
		if _, err := url.Parse(s.Path); err != nil {
			return nil, s, fmt.Errorf("%w: %w", ErrSpec, err)
		}
		c, err := s.gst([]string{"rtspsrc", "location=" + s.Path, "latency=0", "!", "decodebin", "!", "videoconvert", "!", "videoscale", "!"})
		return c, s, err
	}
	return strings.Fields(s.Path), s, nil
}

// rpicam is rpicam-vid as a source of raw frames. Its lines are padded to 64 bytes
// (rpicam-apps#857): a width that does not need it, or the stride, must be given.
func (s Spec) rpicam() (Command, error) {
	if s.Width%64 != 0 && s.Stride == 0 {
		return nil, fmt.Errorf("%w: rpicam of width %d, want a multiple of 64, or stride=", ErrSpec, s.Width)
	}
	c := Command{"rpicam-vid", "--nopreview", "--timeout", "0", "--codec", "yuv420", "--camera", strconv.Itoa(s.Sensor),
		"--width", strconv.Itoa(s.Width), "--height", strconv.Itoa(s.Height), "--flush", "--output", "-"}
	if s.FPS > 0 {
		c = append(c, "--framerate", number64(s.FPS))
	}
	if s.Shutter > 0 {
		c = append(c, "--shutter", strconv.FormatInt(s.Shutter.Microseconds(), 10))
	}
	if s.Gain > 0 {
		c = append(c, "--gain", number64(s.Gain))
	}
	if s.Red > 0 && s.Blue > 0 {
		c = append(c, "--awbgains", number64(s.Red)+","+number64(s.Blue))
	}
	return c, nil
}

func number64(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// argus is the front of a pipeline for a Jetson's camera. Equal ends of a range fix a value.
func (s Spec) argus() []string {
	c := []string{"nvarguscamerasrc", "sensor-id=" + strconv.Itoa(s.Sensor)}
	if s.Shutter > 0 {
		ns := strconv.FormatInt(s.Shutter.Nanoseconds(), 10)
		c = append(c, "exposuretimerange="+ns+" "+ns, "aelock=true", "awblock=true")
	}
	if s.Gain > 0 {
		g := number64(s.Gain)
		c = append(c, "gainrange="+g+" "+g, "ispdigitalgainrange=1 1")
	}
	return append(c, "!", "nvvidconv", "!")
}

// gst is gst-launch-1.0 with a pipeline that ends in raw I420 on standard output. GStreamer pads
// lines to four bytes and planes to even lines: sizes that need neither are asked for.
func (s Spec) gst(front []string) (Command, error) {
	if s.Width%8 != 0 || s.Height%2 != 0 {
		return nil, fmt.Errorf("%w: size %dx%d through GStreamer, want a width that is a multiple of 8 and an even height", ErrSpec, s.Width, s.Height)
	}
	caps := fmt.Sprintf("video/x-raw,format=I420,width=%d,height=%d", s.Width, s.Height)
	if s.FPS > 0 {
		front = append(front, "videorate", "!")
		caps += fmt.Sprintf(",framerate=%d/1000", int(s.FPS*1000+0.5))
	}
	return append(append(Command{"gst-launch-1.0", "-q"}, front...), caps, "!", "fdsink", "fd=1"), nil
}
