package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/durable"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/spf13/cobra"
)

func cameraCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "camera list|snap|record|verify",
		Short:   "List cameras, take one picture, record frames, prove that a camera keeps its settings",
		Long:    "A camera, SPEC, is one of\n\n" + camera.Help,
		Example: "  secateur camera list\n  secateur camera snap /dev/video0,size=1280x720 -o part.png\n  secateur camera record /dev/video0 -o line.frames --frames 300\n  secateur camera verify /dev/video0",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	list := &cobra.Command{Use: "list", Short: "The kernel's cameras", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error { return listCameras(c) }}
	var out string
	snap := &cobra.Command{Use: "snap SPEC -o FILE", Short: "Take one picture", Args: exactly(1, "a camera"),
		RunE: func(c *cobra.Command, args []string) error { return snapCamera(c, args[0], out) }}
	snap.Flags().StringVarP(&out, "out", "o", "", "the picture: a JPEG as the camera gives it, or a PNG")
	var to string
	var frames int
	record := &cobra.Command{Use: "record SPEC -o FILE.frames", Short: "Record frames as they come, with their times and those that were lost; run and capture play them", Args: exactly(1, "a camera"),
		RunE: func(c *cobra.Command, args []string) error { return recordCamera(c, args[0], to, frames) }}
	record.Flags().StringVarP(&to, "out", "o", "", "the recording, FILE.frames")
	record.Flags().IntVar(&frames, "frames", 0, "frames to record; 0: until the camera ends or ctrl-c")
	v := verification{}
	verify := &cobra.Command{Use: "verify SPEC", Short: "Lock the camera, read the settings back and watch the brightness", Args: exactly(1, "a camera"),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c, args[0]) }}
	verify.Flags().IntVar(&v.frames, "frames", 30, "frames to watch")
	verify.Flags().Float64Var(&v.tolerance, "tolerance", 3, "by how much mean and spread of the luma, 0 to 255, may change")
	c.AddCommand(list, snap, record, verify)
	for _, sub := range c.Commands() {
		fromEnvironment(sub)
	}
	return c
}

func listCameras(c *cobra.Command) error {
	all, denied := camera.Devices()
	for _, d := range all {
		var err error
		if isJSON(c) {
			err = printJSON(c.OutOrStdout(), d)
		} else {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %s (%s at %s), formats %v\n", d.Path, d.Card, d.Driver, d.Bus, d.Formats)
		}
		if err != nil {
			return err
		}
	}
	if denied == nil && len(all) == 0 {
		return fmt.Errorf("the kernel has no video device: %w", camera.ErrMissing)
	}
	return denied
}

// openCamera opens the camera that a command names.
func openCamera(c *cobra.Command, s *show, text string, lock bool) (camera.Source, error) {
	spec, err := camera.ParseSpec(text)
	if err != nil {
		return nil, usageError{err}
	}
	if lock && !spec.Lock {
		if spec, err = camera.ParseSpec(text + ",lock"); err != nil {
			return nil, usageError{err}
		}
	}
	src, err := camera.Open(c.Context(), spec, func(err error) { s.say("camera: %v; trying again", err) })
	if errors.Is(err, camera.ErrSpec) {
		return nil, usageError{err}
	}
	return src, err
}

// frameFile is a frame as a file: a JPEG as it came, anything else as PNG.
func frameFile(conv *camera.Converter, f *camera.Frame) (data []byte, ext string, err error) {
	m, err := conv.Image(f)
	if err != nil {
		return nil, "", err
	}
	if f.Pixel == camera.MJPEG {
		return camera.JPEG(f), ".jpg", nil
	}
	var b bytes.Buffer
	err = png.Encode(&b, camera.Still(m))
	return b.Bytes(), ".png", err
}

// cameraInto opens a camera for a command that writes a file.
func cameraInto(c *cobra.Command, spec, out string) (*show, camera.Source, error) {
	if err := checkWritable(out); err != nil {
		return nil, nil, err
	}
	s := newShow(c)
	src, err := openCamera(c, s, spec, false)
	return s, src, err
}

func snapCamera(c *cobra.Command, spec, out string) error {
	if out == "" {
		return usagef("-o is missing: where the picture goes")
	}
	_, src, err := cameraInto(c, spec, out)
	if err != nil {
		return err
	}
	defer src.Close()
	var f camera.Frame
	var conv camera.Converter
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	data, ext, err := firstGood(ctx, src, &f, &conv)
	if err != nil {
		return err
	}
	if err := durable.Write(out, data); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), map[string]any{"file": out, "type": ext[1:], "width": f.Width, "height": f.Height, "pixel": f.Pixel})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %v\n", out, f.Format)
	return err
}

// recordCamera writes a camera's frames to a file; what was recorded before an end stays.
func recordCamera(c *cobra.Command, spec, out string, frames int) error {
	if filepath.Ext(out) != ".frames" {
		return usagef("-o %q: want FILE.frames", out)
	}
	s, src, err := cameraInto(c, spec, out)
	if err != nil {
		return err
	}
	defer src.Close()
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w, began := bufio.NewWriterSize(f, 1<<20), time.Now()
	n, lost, err := copyFrames(c.Context(), camera.NewRecorder(w), src, frames, func(done int) {
		s.progress(eval.Progress{Phase: "record", Done: done, Total: frames, PerSec: float64(done) / max(time.Since(began).Seconds(), 1e-3)})
	})
	s.done()
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), map[string]any{"file": out, "frames": n, "lost": lost})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d frames, %d lost\n", out, n, lost)
	return err
}

// copyFrames records until there are enough, the camera ends, or ctx does.
func copyFrames(ctx context.Context, to *camera.Recorder, from camera.Source, frames int, on func(done int)) (n int, lost uint64, err error) {
	var f camera.Frame
	for frames == 0 || n < frames {
		err := from.Next(ctx, &f)
		if errors.Is(err, io.EOF) || ctx.Err() != nil && n > 0 {
			return n, lost, nil
		}
		if err == nil {
			err = to.Write(&f)
		}
		if err != nil {
			return n, lost, err
		}
		n, lost = n+1, lost+f.Lost
		on(n)
	}
	return n, lost, nil
}

// firstGood waits for a frame that is a picture.
func firstGood(ctx context.Context, src camera.Source, f *camera.Frame, conv *camera.Converter) ([]byte, string, error) {
	for {
		if err := src.Next(ctx, f); err != nil {
			return nil, "", err
		}
		if f.Damaged {
			continue
		}
		data, ext, err := frameFile(conv, f)
		if !errors.Is(err, camera.ErrDamaged) {
			return data, ext, err
		}
	}
}

// verification is what `camera verify` finds.
type verification struct {
	frames    int
	tolerance float64
}

type verified struct {
	Camera  string         `json:"camera"`
	Profile string         `json:"profile"`
	Lock    *camera.Lock   `json:"lock"`
	First   camera.Witness `json:"first"`
	Last    camera.Witness `json:"last"`
	Frames  int            `json:"frames"`
	Lost    uint64         `json:"lost"`
	Damaged int            `json:"damaged"`
	FPS     float64        `json:"fps"`
}

func (v verification) run(c *cobra.Command, spec string) error {
	if v.frames < 2 || v.frames > 1e6 {
		return usagef("--frames %d: want 2 to 1000000", v.frames)
	}
	src, err := openCamera(c, newShow(c), spec, true)
	if err != nil {
		return err
	}
	defer src.Close()
	r := verified{Camera: spec, Lock: camera.Locked(src)}
	drift := v.watch(c.Context(), src, &r)
	if drift != nil && !errors.Is(drift, camera.ErrDrift) && !errors.Is(drift, camera.ErrLock) {
		return drift
	}
	if isJSON(c) {
		err = printJSON(c.OutOrStdout(), r)
	} else {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d frames, %.1f a second, %d lost, %d damaged; luma %.1f ± %.1f at first, %.1f ± %.1f at last; profile %s; no control for %v\n",
			r.Frames, r.FPS, r.Lost, r.Damaged, r.First.Mean, r.First.Spread, r.Last.Mean, r.Last.Spread, r.Profile, r.free())
	}
	return errors.Join(drift, err)
}

func (r *verified) free() []string {
	if r.Lock == nil {
		return []string{"anything that can be read back"}
	}
	return r.Lock.Free
}

// watch measures every frame. What drifts ends the watch.
func (v verification) watch(ctx context.Context, src camera.Source, r *verified) error {
	var f camera.Frame
	var conv camera.Converter
	began := time.Now()
	for r.Frames < v.frames {
		if err := src.Next(ctx, &f); err != nil {
			return err
		}
		r.Frames++
		r.Lost += f.Lost
		m, err := conv.Image(&f)
		if err != nil || f.Damaged {
			r.Damaged++
			continue
		}
		now, err := camera.Measure(m, image.Rectangle{})
		if err != nil {
			return err
		}
		if r.First == (camera.Witness{}) {
			r.First = now
		}
		r.Last = now
		if err := r.First.Compare(now, v.tolerance); err != nil {
			return err
		}
	}
	r.FPS = float64(r.Frames) / time.Since(began).Seconds()
	if r.Lock != nil {
		r.Profile = r.Lock.Profile(f.Format)
	}
	return camera.Verify(src)
}

// cameraSpec is the camera of a command line or, where that says nothing, of the configuration.
func cameraSpec(text string, c firmwareconfig.Camera) (camera.Spec, error) {
	if text != "" {
		return camera.ParseSpec(text)
	}
	s := c.Device
	switch {
	case c.Source == "rpicam" || c.Source == "argus":
		s = c.Source
		if c.Device != "" {
			s += ",sensor=" + c.Device
		}
	case c.Device == "":
		return camera.Spec{}, fmt.Errorf("camera.device is missing in the configuration: a camera of source %s", c.Source)
	}
	s += fmt.Sprintf(",size=%dx%d", c.Width, c.Height)
	if c.FPS > 0 {
		s += fmt.Sprintf(",fps=%g", c.FPS)
	}
	if c.Format != "auto" && c.Format != "" {
		s += ",format=" + c.Format
	}
	switch {
	case c.Stall > 0:
		s += ",stall=" + c.Stall.String()
	case c.XTR: // its frames come with parts, and no part is no fault of the camera
		s += ",stall=24h"
	}
	if c.Lock {
		s += lockSettings(c)
	}
	return camera.ParseSpec(s)
}

// lockSettings are what a configuration holds of a camera that can be locked. Others are locked in their own settings.
func lockSettings(c firmwareconfig.Camera) string {
	if c.Source != "v4l2" && c.Source != "rpicam" && c.Source != "argus" {
		return ""
	}
	s := fmt.Sprintf(",lock,shutter=%dus,focus=%d", c.ExposureUS, c.Focus)
	if c.Gain > 0 {
		s += fmt.Sprintf(",gain=%g", c.Gain)
	}
	if c.WhiteBalance > 0 {
		s += fmt.Sprintf(",white=%d", c.WhiteBalance)
	}
	return s
}
