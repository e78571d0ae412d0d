// Command campaign fine-tunes the pretrained models on the real data sets by the recipe of the
// baselines, over several seeds, and prints mean and standard deviation beside what PyTorch
// reached. It takes hours; a run that is in the output file already is not done again.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// network is a pretrained model and what its pixels go through.
type network struct {
	file      string // below the data folder
	mean, std [3]float32
}

var networks = map[string]network{
	"mobilenet-v1-025": {"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", all(127.5), all(127.5)},
	"mobilenet-v2-10":  {"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx", all(128), all(128)},
	"squeezenet11":     {"model-squeezenet11/squeezenet1_1_224.onnx", [3]float32{123, 117, 104}, all(1)},
}

func all(v float32) [3]float32 { return [3]float32{v, v, v} }

// peers is PyTorch 1.13 by the same recipe: mean and standard deviation over 5 seeds, per cent of
// the test images right.
var peers = map[string][2]float64{
	"mobilenet-v1-025 hymenoptera": {78.0, 2.8}, "mobilenet-v1-025 magnetic-tile": {45.3, 5.5}, "mobilenet-v1-025 neu-det": {91.6, 2.8},
	"mobilenet-v2-10 hymenoptera": {88.5, 2.4}, "mobilenet-v2-10 magnetic-tile": {50.8, 4.0}, "mobilenet-v2-10 neu-det": {96.3, 2.5},
	"squeezenet11 hymenoptera": {78.0, 3.9}, "squeezenet11 magnetic-tile": {49.6, 5.8}, "squeezenet11 neu-det": {85.3, 6.0},
}

// outcome is one run, one line of the output file.
type outcome struct {
	Model, Data string
	Seed        uint64
	Prune       string `json:",omitempty"`
	Control     string `json:",omitempty"` // its "pruned" network is whole
	Dense       float64
	DenseMacro  float64
	Pruned      float64 `json:",omitempty"`
	MACs        int64   `json:",omitempty"`
	Seconds     float64
}

func (o outcome) key() string {
	return fmt.Sprintf("%s %s %d %s", o.Model, o.Data, o.Seed, o.Prune+o.Control)
}

type settings struct {
	folder, out, models, sets, prune, control, allocator, keep, networks string
	first, seeds, workers                                                int
	live, square                                                         bool
	mixup                                                                float64
}

func main() {
	var s settings
	flag.StringVar(&s.folder, "folder", "../shared/data", "where models and data sets lie")
	flag.StringVar(&s.out, "o", "out/campaign.jsonl", "one line a run; runs that are in it are not done again")
	flag.StringVar(&s.models, "models", "mobilenet-v1-025,squeezenet11,mobilenet-v2-10", "models, commas between")
	flag.StringVar(&s.sets, "data", "neu-det,hymenoptera", "data sets, commas between")
	flag.StringVar(&s.prune, "prune", "", "prune too, by this criterion")
	flag.StringVar(&s.control, "control", "", "with -prune: as many updates that leave the network whole, equal-updates or ablate-and-restore")
	flag.StringVar(&s.allocator, "allocator", "global", "how many filters each layer keeps")
	flag.BoolVar(&s.live, "live-teacher", false, "the dense network answers for each picture as it is shown")
	flag.Float64Var(&s.mixup, "distill-mixup", 0, "alpha of mixup while it teaches")
	flag.BoolVar(&s.square, "square", false, "show pictures in all eight positions of a square, dense and pruned network alike")
	flag.StringVar(&s.keep, "keep", "macs=0.5", "budget of the pruned network")
	flag.IntVar(&s.first, "first", 0, "first seed")
	flag.IntVar(&s.seeds, "seeds", 5, "number of seeds")
	flag.IntVar(&s.workers, "workers", 1, "runs side by side, which share the CPUs")
	flag.StringVar(&s.networks, "networks", "", "folder that keeps the networks; a dense one that is in it is not trained again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "campaign: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	done, err := read(s.out)
	if err != nil {
		return err
	}
	set, err := kernels.Default()
	if err != nil {
		return err
	}
	todo := make(chan outcome)
	results := make(chan error)
	var mu sync.Mutex // of done and the output file
	for range max(s.workers, 1) {
		go func() {
			pool := kernels.NewPool(max(1, runtime.NumCPU()/max(s.workers, 1)))
			defer pool.Close()
			var failed error
			for o := range todo {
				if failed != nil {
					continue
				}
				if failed = one(ctx, graph.Env{Kernels: set, Pool: pool}, s, &o); failed != nil {
					failed = fmt.Errorf("%s: %w", o.key(), failed)
					continue
				}
				mu.Lock()
				done[o.key()] = o
				failed = appendLine(s.out, o)
				mu.Unlock()
			}
			results <- failed
		}()
	}
	for _, o := range s.missing(done) {
		todo <- o
	}
	close(todo)
	for range max(s.workers, 1) {
		err = errors.Join(err, <-results)
	}
	if err == nil {
		print(done)
		printPairs(done)
	}
	return err
}

// missing are the runs that are not done, seeds first, so that every set has results early.
func (s settings) missing(done map[string]outcome) (list []outcome) {
	for seed := s.first; seed < s.first+s.seeds; seed++ {
		for _, m := range strings.Split(s.models, ",") {
			for _, d := range strings.Split(s.sets, ",") {
				o := outcome{Model: m, Data: d, Seed: uint64(seed), Prune: s.prune, Control: s.control}
				if _, ok := done[o.key()]; !ok {
					list = append(list, o)
				}
			}
		}
	}
	return list
}

// one fine-tunes on ten images a class.
func one(ctx context.Context, env graph.Env, s settings, o *outcome) error {
	n, ok := networks[o.Model]
	if !ok {
		return fmt.Errorf("unknown model")
	}
	c := train.Defaults()
	var err error
	if c.Model, err = onnx.Import(filepath.Join(s.folder, n.file), onnx.Options{Mean: &n.mean, Std: &n.std}); err != nil {
		return err
	}
	if c.Data, err = data.Open(filepath.Join(s.folder, o.Data), data.Options{HeaderOnly: true}); err != nil {
		return err
	}
	c.Data.Train = data.Shots(c.Data.Train, len(c.Data.Classes), 10, o.Seed)
	c.Env, c.Seed = env, o.Seed
	if s.square {
		c.Augment.FlipUp, c.Augment.Transpose = 0.5, 0.5
	}
	began := time.Now()
	if s.networks != "" {
		if err := s.fromDense(ctx, &c, o); err != nil {
			return err
		}
	}
	if s.prune != "" {
		budget, err := pruning.ParseBudget(s.keep)
		if err != nil {
			return err
		}
		c.Prune = train.DefaultPrune(s.prune, budget)
		c.Prune.Allocator, c.Prune.LiveTeacher, c.Prune.Mixup, c.Prune.Control = s.allocator, s.live, s.mixup, s.control
	}
	r, err := train.Adapt(ctx, c)
	if err != nil && !errors.Is(err, train.ErrTarget) {
		return err
	}
	if s.networks != "" && s.prune != "" {
		if err := checkpoint.SaveModel(s.network(cmp.Or(s.control, "pruned"), o), r.Model); err != nil {
			return err
		}
	}
	o.Dense, o.DenseMacro, o.Seconds = 100*r.Dense.Accuracy, 100*r.Dense.Macro, time.Since(began).Seconds()
	if r.Pruned != nil {
		o.Pruned, o.MACs = 100*r.Pruned.Accuracy, r.Pruned.MACs
	}
	fmt.Printf("%+v\n", *o)
	return nil
}

// network is the file of a run's network.
func (s settings) network(what string, o *outcome) string {
	return filepath.Join(s.networks, fmt.Sprintf("%s-%s-%s-%d.secateur", what, o.Model, o.Data, o.Seed))
}

// fromDense lets a run begin with the fine-tuned network of its draw of images, which is trained where it is not kept yet.
func (s settings) fromDense(ctx context.Context, c *train.Config, o *outcome) error {
	if err := os.MkdirAll(s.networks, 0o755); err != nil {
		return err
	}
	file := s.network("dense", o)
	g, err := checkpoint.LoadModel(file)
	if errors.Is(err, fs.ErrNotExist) {
		var r *train.Result
		if r, err = train.Adapt(ctx, *c); err == nil {
			g = r.Model
			err = checkpoint.SaveModel(file, g)
		}
	}
	c.Model, c.HeadSteps, c.Epochs = g, 0, 0
	return err
}

func read(path string) (map[string]outcome, error) {
	done := map[string]outcome{}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return done, os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		done[o.key()] = o
	}
	return done, nil
}

func appendLine(path string, o outcome) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(o)
}

// print is the table for the README: ours beside PyTorch's.
func print(done map[string]outcome) {
	dense, pruned, seconds := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, o := range done {
		k := o.Model + " " + o.Data
		dense[k], seconds[k] = append(dense[k], o.Dense), append(seconds[k], o.Seconds)
		if o.Prune != "" && o.Control == "" {
			pruned[k] = append(pruned[k], o.Pruned)
		}
	}
	fmt.Println("| model and data | runs | fine-tuned | PyTorch | pruned | seconds a run |\n| --- | --- | --- | --- | --- | --- |")
	for k := range peers {
		if len(dense[k]) == 0 {
			continue
		}
		mean, sd := stat.MeanStdDev(dense[k], nil)
		line := fmt.Sprintf("| %s | %d | %.1f ± %.1f | %.1f ± %.1f |", k, len(dense[k]), mean, sd, peers[k][0], peers[k][1])
		if len(pruned[k]) > 0 {
			pm, ps := stat.MeanStdDev(pruned[k], nil)
			line += fmt.Sprintf(" %.1f ± %.1f |", pm, ps)
		} else {
			line += " |"
		}
		fmt.Printf("%s %.0f |\n", line, stat.Mean(seconds[k], nil))
	}
}

// printPairs is dense against pruned, seed by seed and their mean difference with its 95 % interval (Student's t).
func printPairs(done map[string]outcome) {
	pairs := map[string][]outcome{}
	for _, o := range done {
		if k := strings.TrimSpace(o.Model + " " + o.Data + " " + o.Control); o.Prune != "" {
			pairs[k] = append(pairs[k], o)
		}
	}
	for k, list := range pairs {
		slices.SortFunc(list, func(a, b outcome) int { return cmp.Compare(a.Seed, b.Seed) })
		fmt.Printf("\n%s\n\n| seed | dense | pruned | difference | MACs |\n| --- | --- | --- | --- | --- |\n", k)
		var d []float64
		for _, o := range list {
			fmt.Printf("| %d | %.1f | %.1f | %+.1f | %.1f M |\n", o.Seed, o.Dense, o.Pruned, o.Pruned-o.Dense, float64(o.MACs)/1e6)
			d = append(d, o.Pruned-o.Dense)
		}
		mean, sd := stat.MeanStdDev(d, nil)
		if n := float64(len(d)); n > 1 {
			half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * sd / math.Sqrt(n)
			fmt.Printf("\nmean difference %+.2f points, 95 %% interval %+.2f to %+.2f\n", mean, mean-half, mean+half)
		}
	}
}
