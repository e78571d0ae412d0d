package camera

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/secateur/secateur/device/v4l2"
)

// Device is a camera of the kernel.
type Device struct {
	Path    string   `json:"path"` // by its identity where udev made one, which a replug does not change
	Card    string   `json:"card"`
	Driver  string   `json:"driver"`
	Bus     string   `json:"bus"`
	Formats []string `json:"formats"`
	Usable  bool     `json:"usable"` // it has a format that a picture can be made of
}

// Devices are the kernel's cameras. Nodes that do not capture are left out; one that may not be
// opened is an error beside those that were.
func Devices() ([]Device, error) {
	nodes, err := filepath.Glob("/dev/video*")
	if err != nil {
		return nil, err
	}
	slices.Sort(nodes)
	links, _ := filepath.Glob("/dev/v4l/by-id/*")
	var all []Device
	var denied error
	for _, n := range nodes {
		d, err := v4l2.Open(n)
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				denied = errors.Join(denied, err)
			}
			continue
		}
		all = append(all, describe(d, byIdentity(n, links)))
		d.Close()
	}
	return all, denied
}

func describe(d *v4l2.Device, path string) Device {
	out := Device{Path: path, Card: d.Card, Driver: d.Driver, Bus: d.Bus}
	formats, _ := d.Formats() // a device that cannot say is listed without
	for _, f := range formats {
		out.Formats = append(out.Formats, f.String())
		out.Usable = out.Usable || pixelOf(f) != ""
	}
	return out
}

// byIdentity is the link to a node, or the node.
func byIdentity(node string, links []string) string {
	for _, l := range links {
		if to, err := filepath.EvalSymlinks(l); err == nil && to == node {
			return l
		}
	}
	return node
}
