package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/durable"
	"github.com/spf13/cobra"
)

// captureFlags are what `capture` is asked for.
type captureFlags struct {
	camera, out, class, split string
	count                     int
	every                     time.Duration
	lock                      bool
}

func captureCommand() *cobra.Command {
	var f captureFlags
	c := &cobra.Command{
		Use:   "capture --camera SPEC -o DIR --class NAME",
		Short: "Take pictures into a folder that adapt and label read",
		Long: "Pictures go to DIR/CLASS, or DIR/SPLIT/CLASS: JPEGs as the camera gives them, anything else as PNG. Each session\n" +
			"is noted in DIR/.capture.jsonl with the camera's settings. A camera, SPEC, is one of\n\n" + camera.Help,
		Example: "  secateur capture --camera /dev/video0,size=1280x720 --lock -o line --class good --count 20 --every 2s",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	c.Flags().StringVar(&f.camera, "camera", "/dev/video0", "the camera")
	c.Flags().StringVarP(&f.out, "out", "o", "", "the data folder")
	c.Flags().StringVar(&f.class, "class", "", "the class of what is in front of the camera; empty: unlabelled, for label")
	c.Flags().StringVar(&f.split, "split", "", "train, val or test; empty: the split is made by content later")
	c.Flags().IntVar(&f.count, "count", 0, "pictures to take; 0: until the camera ends or ctrl-c")
	c.Flags().DurationVar(&f.every, "every", 0, "pause between pictures; 0: every frame")
	c.Flags().BoolVar(&f.lock, "lock", false, "hold exposure, gain, white balance and focus, and prove it by reading them back")
	return c
}

// unlabelled is the class folder of pictures that nobody has looked at.
const unlabelled = "unlabelled"

// folder is where the pictures go.
func (f captureFlags) folder() (string, error) {
	class := f.class
	if class == "" {
		class = unlabelled
	}
	switch {
	case f.out == "":
		return "", usagef("-o is missing: the folder of the data")
	case f.count < 0 || f.every < 0:
		return "", usagef("--count %d and --every %v: want 0 or more", f.count, f.every)
	case f.split != "" && f.split != "train" && f.split != "val" && f.split != "test":
		return "", usagef("--split %q: want train, val or test", f.split)
	case class != filepath.Base(class) || strings.HasPrefix(class, "."):
		return "", usagef("--class %q: want the name of a folder, no path", f.class)
	}
	return filepath.Join(f.out, f.split, class), nil
}

// captured is what `capture --json` prints, an event a line.
type captured struct {
	Event    string       `json:"event"` // image, done
	Schema   int          `json:"schema"`
	File     string       `json:"file,omitempty"`
	Sequence uint64       `json:"sequence"`
	Lost     uint64       `json:"lost"` // frames that nobody saw, so far
	Images   int          `json:"images"`
	Damaged  int          `json:"damaged"`
	Camera   string       `json:"camera,omitempty"`
	Profile  string       `json:"profile,omitempty"`
	Lock     *camera.Lock `json:"lock,omitempty"`
	Time     time.Time    `json:"time"`
}

func (f captureFlags) run(c *cobra.Command) error {
	dir, err := f.folder()
	if err != nil {
		return err
	}
	s := newShow(c)
	src, err := openCamera(c, s, f.camera, f.lock)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	r := captured{Schema: 1, Camera: f.camera, Lock: camera.Locked(src)}
	err = f.take(c, s, src, dir, &r)
	s.done()
	if errors.Is(err, io.EOF) || c.Context().Err() != nil && f.count == 0 && r.Images > 0 {
		err = nil // the end that was asked for
	}
	if err == nil && f.count > r.Images {
		err = fmt.Errorf("the camera ended after %d of %d pictures", r.Images, f.count)
	}
	if e := camera.Verify(src); err == nil && e != nil {
		err = fmt.Errorf("after %d pictures: %w", r.Images, e)
	}
	return errors.Join(err, f.finish(c, r))
}

// take writes pictures until there are enough.
func (f captureFlags) take(c *cobra.Command, s *show, src camera.Source, dir string, r *captured) error {
	var frame camera.Frame
	var conv camera.Converter
	session := time.Now().UTC().Format("20060102-150405")
	began, next := time.Now(), time.Now()
	for f.count == 0 || r.Images < f.count {
		if err := src.Next(c.Context(), &frame); err != nil {
			return err
		}
		r.Lost += frame.Lost
		if time.Now().Before(next) {
			continue
		}
		data, ext, err := frameFile(&conv, &frame)
		if frame.Damaged || errors.Is(err, camera.ErrDamaged) {
			r.Damaged++
			continue
		}
		if err != nil {
			return err
		}
		next = next.Add(f.every)
		if late := time.Now(); next.Before(late) {
			next = late
		}
		r.File = filepath.Join(dir, fmt.Sprintf("%s-%06d%s", session, r.Images, ext))
		if err := durable.Write(r.File, data); err != nil {
			return err
		}
		r.Images++
		r.Sequence = frame.Sequence
		if l := r.Lock; l != nil && r.Profile == "" {
			r.Profile = l.Profile(frame.Format)
		}
		if err := f.tell(c, s, *r, began); err != nil {
			return err
		}
	}
	return nil
}

// tell says that a picture was taken.
func (f captureFlags) tell(c *cobra.Command, s *show, r captured, began time.Time) error {
	s.progress(eval.Progress{Phase: "capture", Done: r.Images, Total: f.count, PerSec: float64(r.Images) / max(time.Since(began).Seconds(), 1e-3)})
	if !isJSON(c) {
		return context.Cause(c.Context())
	}
	r.Event, r.Time, r.Lock, r.Camera = "image", time.Now(), nil, ""
	return printJSON(c.OutOrStdout(), r)
}

// finish notes the session beside the data and says what came of it.
func (f captureFlags) finish(c *cobra.Command, r captured) error {
	r.Event, r.Time, r.File = "done", time.Now(), ""
	if r.Images > 0 {
		if err := appendLine(filepath.Join(f.out, ".capture.jsonl"), r); err != nil {
			return err
		}
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), r)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%d pictures in %s, %d frames lost, %d damaged\n", r.Images, f.out, r.Lost, r.Damaged)
	return err
}

// appendLine adds an object to a file of lines.
func appendLine(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return errors.Join(err, w.Close())
}
