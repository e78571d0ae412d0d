package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
	"github.com/secateur/secateur/device/v4l2"
)

// isDevice says that a device of the box is missing, or may not be used.
func isDevice(err error) bool {
	return errors.Is(err, camera.ErrMissing) || errors.Is(err, gpio.ErrMissing) || errors.Is(err, v4l2.ErrGone) || isForbidden(err)
}

// isForbidden says that this user may not open a device file.
func isForbidden(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && errors.Is(p, fs.ErrPermission) && strings.HasPrefix(p.Path, "/dev/")
}

// deviceHint is what to do about a missing device.
func deviceHint(err error) string {
	switch {
	case isForbidden(err):
		return "add the user to the groups video and gpio, or run as one that is in them"
	case errors.Is(err, gpio.ErrMissing):
		return "secateur gpio list names the lines of this box"
	}
	return "secateur camera list names the cameras; look at the plug, and whether rpicam-vid (rpicam-apps) or gst-launch-1.0 (gstreamer1.0-tools) is installed"
}
