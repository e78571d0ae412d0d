package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/box"
	"github.com/secateur/secateur/tools/secateur/label"
	"github.com/secateur/secateur/tools/secateur/loopback"
	"github.com/spf13/cobra"
)

// labelFlags is what all of `secateur label` are told.
type labelFlags struct {
	config, pictures string
	all              bool
}

// labelCommand is what people do with pictures.
func labelCommand() *cobra.Command {
	f := &labelFlags{}
	c := &cobra.Command{Use: "label", Short: "What waits for a label; give classes or draw boxes on a page; seal the golden set",
		Long: `List the pictures that run has kept and that wait for a class or, of a detector's line, for boxes: the doubtful ones, with
--all also those that were rejected and those of good parts. serve is a page on which they are labelled, seal makes a
folder the golden set.`,
		Example: "  secateur label\n  secateur label serve --set monday\n  secateur label seal golden/",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return f.list(c) }}
	fl := c.PersistentFlags()
	fl.StringVar(&f.config, "config", "", "configuration; the default is /etc/secateur/config.toml")
	fl.StringVar(&f.pictures, "pictures", "", "the folder that run keeps pictures in; the default is retention.dir of the configuration")
	fl.BoolVar(&f.all, "all", false, "rejected parts and good ones too, not the doubtful alone")
	c.AddCommand(f.serve(), sealCommand())
	for _, sub := range c.Commands() {
		fromEnvironment(sub)
	}
	return c
}

// why are the reasons of the pictures that are asked for.
func (f *labelFlags) why() []string {
	if f.all {
		return []string{"doubtful", "reject", "pass"}
	}
	return []string{"doubtful"}
}

// folder is where run keeps pictures.
func (f *labelFlags) folder() (string, error) {
	if f.pictures != "" {
		return f.pictures, nil
	}
	cfg, err := loadConfig("/", f.config)
	if err != nil {
		return "", err
	}
	return cfg.Retention.Dir, nil
}

func (f *labelFlags) list(c *cobra.Command) error {
	dir, err := f.folder()
	if err != nil {
		return err
	}
	waiting, err := label.Waiting(dir, f.why()...)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	for _, p := range waiting {
		if isJSON(c) {
			err = printJSON(w, p)
		} else {
			_, err = fmt.Fprintf(w, "%s\t%s, the model said %s\n", filepath.Join(dir, p.File), p.Why, cmp.Or(p.Says, "nothing"))
		}
		if err != nil {
			return err
		}
	}
	if len(waiting) > 0 && !isJSON(c) {
		_, err = fmt.Fprintf(w, "%d wait for a label: secateur label serve\n", len(waiting))
	} else if !isJSON(c) {
		_, err = fmt.Fprintf(w, "no picture waits in %s\n", dir)
	}
	return err
}

// servedFlags is what `secateur label serve` is asked for.
type servedFlags struct {
	*labelFlags
	listen, set, data, golden string
	classes                   []string
	boxes                     bool
	unsealed                  error // why no picture can go to the golden set
}

func (f *labelFlags) serve() *cobra.Command {
	s := &servedFlags{labelFlags: f}
	c := &cobra.Command{
		Use:   "serve",
		Short: "A page on this machine on which the pictures are given a class or boxes, by key, mouse or touch",
		Long: `Serve a page on this machine's loopback, at an address that only this command tells. From another machine it is reached
through ssh -L. A picture with a class goes to train.data/SET/CLASS, where retrain --set SET finds it, or to the golden
set, which is sealed with it. Each goes durably, one by one; undo takes the last ones back. It ends by ctrl-c.

Where the golden set, or else the live model, is a detector's, boxes are drawn: the page begins with those that the model
found, which can be moved, pulled at a corner, given another class and deleted. The picture goes to train.data/SET/images
and its boxes to train.data/SET/boxes.csv; without a box it is one on which nothing is. Two fingers or the wheel look
closer. By keys: B a new box, N the next one, arrows move it, with shift its lower right corner, with ctrl ten pixels at
a time, X deletes it, + and - look closer and back, Enter saves.

The classes are those of the golden set, or else of the live model, then those that the set has, and those of --class.
As root it would leave files that the service may not change: run it as the account secateur.`,
		Example: "  sudo -u secateur secateur label serve --set monday\n  ssh -L 8484:127.0.0.1:8484 box7 sudo -u secateur secateur label serve",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return s.run(c) },
	}
	fl := c.Flags()
	fl.StringVar(&s.listen, "listen", "127.0.0.1:8484", "loopback address; port 0 takes a free one")
	fl.StringVar(&s.set, "set", "labelled", "the folder below train.data that pictures go to")
	fl.StringVar(&s.data, "data", "", "the folder of sets; the default is train.data of the configuration")
	fl.StringVar(&s.golden, "golden", "", "the golden set; the default is gate.golden of the configuration")
	fl.StringArrayVar(&s.classes, "class", nil, "one more class that can be given; may be repeated")
	fl.BoolVar(&s.boxes, "detect", false, "draw boxes, where neither a golden set nor a live model says so")
	return c
}

func (s *servedFlags) run(c *cobra.Command) error {
	if filepath.Base(s.set) != s.set || s.set[0] == '.' {
		return usagef("--set %q is no name of a folder below train.data", s.set)
	}
	d, name, err := s.desk()
	if err != nil {
		return err
	}
	if _, err := d.Waiting(); err != nil {
		return err
	}
	l, err := loopback.Listen(s.listen)
	if errors.Is(err, loopback.ErrAddress) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	show := newShow(c)
	p := label.NewPage(d, name, func(e label.Event) {
		if isJSON(c) {
			printJSON(c.OutOrStdout(), e)
		}
	})
	url := "http://" + l.Addr().String() + p.Prefix
	if isJSON(c) {
		err = printJSON(c.OutOrStdout(), map[string]any{"event": "serve", "url": url, "classes": d.Classes, "golden": d.Golden, "detector": d.Detector})
	} else {
		_, err = fmt.Fprintln(c.OutOrStdout(), url)
	}
	if err != nil {
		return err
	}
	if s.unsealed != nil {
		show.say("caution: pictures go to training data alone: %v", s.unsealed)
	}
	show.say("classes %s; ctrl-c ends it", strings.Join(d.Classes, ", "))
	if err := loopback.Serve(c.Context(), l, p.Handler()); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return s.ended(c, d)
}

func (s *servedFlags) ended(c *cobra.Command, d *label.Desk) error {
	waiting, err := d.Waiting()
	if err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), map[string]any{"event": "done", "given": d.Given(), "waiting": len(waiting)})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%d pictures have a label, %d wait\n", d.Given(), len(waiting))
	return err
}

// desk is where the pictures lie and where they go.
func (s *servedFlags) desk() (d *label.Desk, name string, err error) {
	cfg, err := loadConfig("/", s.config)
	if err != nil {
		return nil, "", err
	}
	for flag, from := range map[*string]string{&s.pictures: cfg.Retention.Dir, &s.data: cfg.Train.Data, &s.golden: cfg.Gate.Golden} {
		if *flag == "" {
			*flag = from
		}
	}
	d = &label.Desk{Pictures: s.pictures, Set: filepath.Join(s.data, s.set), Why: s.why()}
	if err := s.settle(d, cfg); err != nil {
		return nil, "", err
	}
	for _, class := range s.classes {
		if err := label.CheckClass(class); err != nil {
			return nil, "", usagef("--class: %w", err)
		}
		d.AddClasses(class)
	}
	if least := map[bool]int{true: 1, false: 2}[d.Detector]; len(d.Classes) < least {
		return nil, "", usagef("%d of at least %d classes are known: seal a golden set, activate a model, or name them by --class", len(d.Classes), least)
	}
	return d, cfg.Box.Name, nil
}

// settle finds out whether pictures get a class or boxes, of which classes, and whether they can go to the golden set.
func (s *servedFlags) settle(d *label.Desk, cfg *firmwareconfig.Config) error {
	classes, boxes, err := accept.Classes(s.golden)
	if err == nil {
		d.Golden = s.golden
	} else if errors.Is(err, fs.ErrNotExist) || errors.Is(err, data.ErrUnusable) {
		s.unsealed = err // training data alone
		if classes, boxes, err = s.live(cfg); err != nil {
			return err
		}
	} else {
		return err
	}
	if s.boxes && !boxes && len(classes) > 0 {
		return usagef("--detect is for boxes, and the golden set or the live model is a classifier's")
	}
	d.Detector = boxes || s.boxes
	d.AddClasses(classes...)
	if err := d.Init(); err != nil {
		return usageError{fmt.Errorf("--set %s: %w", s.set, err)}
	}
	if err := d.CheckGolden(); err != nil {
		d.Golden, s.unsealed = "", err
	}
	return nil
}

// live is what the live model knows, none where there is none.
func (s *servedFlags) live(cfg *firmwareconfig.Config) (classes []string, boxes bool, err error) {
	if _, err := os.Stat(cfg.Models.Dir); err != nil {
		return nil, false, nil
	}
	return box.LiveClasses(cfg)
}

func sealCommand() *cobra.Command {
	var boxes bool
	c := &cobra.Command{
		Use:   "seal DIR",
		Short: "Make the pictures of a folder the golden set: no model trains on it, every model is judged by it",
		Long: `Make DIR/CLASS/* a golden set or, for a detector, with --detect the pictures of DIR with their boxes (boxes.csv, COCO,
Pascal VOC, YOLO), which are written into DIR/golden.json too. Every picture is written down with its sha256 in DIR/golden.json; from then on a
picture that is gone or changed stops the gate until the set is sealed again, and one that is new is not looked at
until then. Copies of its pictures in training data are left out by retrain.`,
		Example: "  secateur label seal golden/\n  secateur label seal --detect golden/",
		Args:    exactly(1, "the folder"),
		RunE: func(c *cobra.Command, args []string) error {
			g, err := accept.Seal(args[0], boxes)
			if err != nil {
				return err
			}
			newShow(c).skipped(g.Skipped)
			return printSealed(c, args[0], g)
		},
	}
	c.Flags().BoolVar(&boxes, "detect", false, "the pictures have boxes: the set judges detectors")
	return c
}

func printSealed(c *cobra.Command, dir string, g *accept.Golden) error {
	seen, labels := map[string]any{"golden": dir, "classes": g.Classes, "images": len(g.Samples)}, ""
	if g.Boxes {
		n := 0
		for _, of := range data.Labels(g.Samples, len(g.Classes)) {
			n += of
		}
		seen["boxes"], labels = n, fmt.Sprintf(" with %d boxes", n)
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), seen)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s is sealed: %d pictures%s of %d classes\n", dir, len(g.Samples), labels, len(g.Classes))
	return err
}
