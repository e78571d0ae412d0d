package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/governor"
	"github.com/secateur/secateur/device/spool"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/box"
	"github.com/spf13/cobra"
)

// retrainFlags is what `secateur retrain` was asked for.
type retrainFlags struct {
	config, spool, set, prune, keep string
	epochs, shots                   int
	seed                            uint64
}

func retrainCommand() *cobra.Command {
	var f retrainFlags
	c := &cobra.Command{
		Use:   "retrain --set NAME | --spool DIR",
		Short: "Retrain the live model on the pictures of a set; the golden set says whether it goes live",
		Long: `Retrain the box's live model on the labelled pictures of a set, with boxes for a detector, as config.toml says. The model that comes out is staged
with its report, and goes live on trial if the golden set accepts it; else exit 6, and the live model is as it was.
With --spool it is the service that does the jobs which the gate wrote there: it looks for one more before it ends, and
goes on with one that was cut off.`,
		Example: "  secateur retrain --set monday\n  secateur retrain --set monday --epochs 20 --prune fisher --keep macs=0.5\n  secateur retrain --spool /var/lib/secateur/spool",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", firmwareconfig.Path, "configuration")
	fl.StringVar(&f.spool, "spool", "", "do the unfinished job of this folder, and those that come meanwhile")
	fl.StringVar(&f.set, "set", "", "retrain now, on this folder below train.data")
	fl.StringVar(&f.prune, "prune", "", "criterion of pruning, or none; \"\" is the configuration's")
	fl.StringVar(&f.keep, "keep", "", "budget of the pruned network, as in macs=0.5; \"\" is the configuration's")
	fl.IntVar(&f.epochs, "epochs", 0, "epochs of fine-tuning; 0 is the configuration's")
	fl.IntVar(&f.shots, "shots", 0, "training images a class, drawn by the seed; 0 is all")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of every random choice; 0 is the usual one")
	return c
}

func (f *retrainFlags) run(c *cobra.Command) error {
	if (f.spool == "") == (f.set == "") {
		return usagef("either --set NAME, to retrain now, or --spool DIR, to do the jobs in it, is wanted")
	}
	if f.set != "" && (filepath.Base(f.set) != f.set || f.set[0] == '.') {
		return usagef("--set %q is no name of a folder below train.data", f.set)
	}
	if f.epochs < 0 || f.shots < 0 {
		return usagef("--epochs and --shots want 0 or more")
	}
	cfg, err := firmwareconfig.Load(f.config)
	if err != nil {
		return usageError{err}
	}
	if !c.Flags().Changed("threads") && cfg.Train.Threads > 0 {
		if err := c.Flags().Set("threads", fmt.Sprint(cfg.Train.Threads)); err != nil {
			return err
		}
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	jobs := f.spool
	if jobs == "" {
		jobs = firmwareconfig.Spool
	}
	station, err := box.Open(cfg, jobs, env)
	if err != nil {
		return err
	}
	w := &worker{Station: station, show: newShow(c), watchdog: newWatchdog(c.Context()),
		bound: governor.Bound{Celsius: cfg.Thermal.Limit, Margin: cfg.Thermal.Margin}}
	defer w.show.done()
	station.Begin, station.Train.On, station.Train.Progress = w.begin, w.event, w.show.progress
	if f.set != "" {
		return w.now(c, f)
	}
	return w.jobs(c.Context())
}

// worker does jobs and tells of it.
type worker struct {
	*box.Station
	show     *show
	watchdog *watchdog
	bound    governor.Bound
}

// begin has a job's work governed, and watched.
func (w *worker) begin(ctx context.Context, on func(train.Event)) {
	w.Env.Pool.Pace(w.watchdog.around(governed(ctx, w.Env.Pool, w.bound, on)))
}

func (w *worker) event(e train.Event) {
	w.watchdog.Feed()
	if e.Event == "epoch" || e.Event == "turn" {
		w.watchdog.Status(fmt.Sprintf("%s: epoch %d of %d, turn %d", e.Phase, e.Epoch, e.Epochs, e.Turn))
	}
	w.show.event(e)
}

// jobs does what is in the spool until there is nothing left. The error is the last job's.
func (w *worker) jobs(ctx context.Context) error {
	var last error
	for {
		did, err := w.Jobs.Run(ctx, func(ctx context.Context, j spool.Job, log io.Writer) spool.Done {
			w.watchdog.Status(fmt.Sprintf("job %d", j.Number))
			w.show.say("job %d by %s: %v", j.Number, j.By, j.Values)
			var done spool.Done
			done, last = w.Work(ctx, j, log)
			w.show.say("job %d: %s", j.Number, done.Line)
			return done
		})
		if err != nil {
			return err
		}
		if !did {
			w.watchdog.Status("no job")
			return last
		}
	}
}

// now retrains for somebody on the box, without a job. A run that was cut off is kept by its set, and goes on.
func (w *worker) now(c *cobra.Command, f *retrainFlags) error {
	r := w.Train
	r.Folder, r.Shots, r.RunDir = filepath.Join(w.Data, f.set), f.shots, filepath.Join(w.Runs, "set-"+f.set)
	if f.epochs > 0 {
		r.Epochs = f.epochs
	}
	if f.seed > 0 {
		r.Seed = f.seed
	}
	if err := w.Pruning(&r, f.prune, f.keep); err != nil {
		return usageError{err}
	}
	if isJSON(c) {
		tell := r.On
		r.On = func(e train.Event) { printJSON(c.OutOrStdout(), e); tell(e) }
	}
	w.begin(c.Context(), r.On)
	staged, err := w.Retrain(c.Context(), r, c.ErrOrStderr())
	if c.Context().Err() != nil {
		return &keptError{err, r.RunDir}
	}
	if staged != nil {
		err = errors.Join(finished(r.RunDir), printStaged(c, staged, "staged"))
		if err == nil && !isJSON(c) {
			fmt.Fprintf(c.OutOrStdout(), "model %d is live on trial\n", staged.Model.Number)
		}
	}
	return err
}

// finished puts the folder of a run that came to its end aside, so that the next one of its name begins anew.
func finished(dir string) error {
	return os.Rename(dir, dir+time.Now().UTC().Format("-20060102T150405"))
}
