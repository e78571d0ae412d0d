package camera

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

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
