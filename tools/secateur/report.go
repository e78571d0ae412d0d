package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/report"
)

// history is what the events of a run add up to.
type history struct {
	epochs []report.Epoch
	turns  []report.Turn
}

func (h *history) add(e train.Event) {
	switch e.Event {
	case "epoch":
		h.epochs = append(h.epochs, report.Epoch{Phase: e.Phase, Turn: e.Turn, Epoch: e.Epoch, Loss: e.Loss, Accuracy: e.Accuracy,
			ValLoss: e.ValLoss, ValAccuracy: e.ValAcc})
	case "turn":
		h.turns = append(h.turns, report.Turn{Turn: e.Turn, MACs: e.MACs, Params: int64(e.Params), Accuracy: e.ValAcc,
			Accepted: e.Accepted != nil && *e.Accepted, Removed: e.Removed, Reason: e.Reason})
	}
}

// shownPictures is the number of test images in a report.
const shownPictures = 24

// page is the report of an adaptation.
func (h *history) page(title string, facts []report.Fact, classes []string, r *train.Result) *report.Page {
	p := &report.Page{Title: title, When: time.Now(), Machine: machine(), Facts: facts, Epochs: h.epochs, Turns: h.turns, TurnsBy: "accuracy, " + r.JudgedOn,
		Dense: report.ResultOf(r.Dense, classes), Pruned: report.ResultOf(r.Pruned, classes), Pictures: pictures(r, classes)}
	for _, w := range r.Widths {
		p.Widths = append(p.Widths, report.Width{Layer: w.Layer, Before: w.Before, After: w.After})
	}
	return p
}

// pictures are tested images: those that a network got wrong, those on which the networks differ,
// then others spread over the set.
func pictures(r *train.Result, classes []string) []report.Picture {
	var list []report.Picture
	for pass := range 2 {
		step := 1
		if pass == 1 {
			step = max(1, len(r.Tested)/shownPictures)
		}
		for i := 0; i < len(r.Tested) && len(list) < shownPictures; i += step {
			if wrong(r, i) == (pass == 0) {
				list = appendPicture(list, r, i, classes)
			}
		}
	}
	return list
}

// wrong reports whether a network misjudged image i.
func wrong(r *train.Result, i int) bool {
	for _, x := range []*eval.Report{r.Dense, r.Pruned} {
		if x != nil && i < len(x.Guesses) && x.Guesses[i].Class != r.Tested[i].Class {
			return true
		}
	}
	return false
}

func appendPicture(list []report.Picture, r *train.Result, i int, classes []string) []report.Picture {
	s := r.Tested[i]
	img, err := data.Decode(s.Path)
	if err != nil {
		return list
	}
	guess := func(x *eval.Report) report.Prediction {
		if x == nil || i >= len(x.Guesses) {
			return report.Prediction{}
		}
		return report.Prediction{Class: classes[x.Guesses[i].Class], Score: x.Guesses[i].Score}
	}
	return append(list, report.Picture{Name: s.Name, Image: img.Image(), Class: classes[s.Class], Dense: guess(r.Dense), Pruned: guess(r.Pruned)})
}

// savePage writes a report, whole or not at all.
func savePage(path string, p *report.Page) error {
	var b bytes.Buffer
	if err := report.Write(&b, p); err != nil {
		return err
	}
	return durable.Write(path, b.Bytes())
}

// machine is processor, CPUs and system, as far as they can be read.
func machine() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/device-tree/model"); err == nil {
		name = strings.TrimRight(string(b), "\x00\n")
	} else if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, l := range strings.Split(string(b), "\n") {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
				name = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d CPUs, %s/%s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

// facts are the recipe of an adaptation.
func (f *adaptFlags) facts(r *train.Result) []report.Fact {
	facts := []report.Fact{
		{Label: "model", Value: filepath.Base(f.model)}, {Label: "images", Value: fmt.Sprintf("%s: %d to train with, %d to test with", f.data, r.Trained, len(r.Tested))},
		{Label: "trains", Value: string(f.Part)}, {Label: "epochs", Value: fmt.Sprint(f.Epochs)}, {Label: "batch", Value: fmt.Sprint(f.Batch)},
		{Label: "seed", Value: fmt.Sprint(f.Seed)}, {Label: "kernels", Value: fmt.Sprintf("%s, %d threads", f.Env.Kernels.Name, f.Env.Pool.Threads())},
	}
	if f.Prune != nil {
		facts = append(facts, report.Fact{Label: "pruned by", Value: fmt.Sprintf("%s, %s, %s", f.Prune.Criterion, f.Prune.Allocator, f.Prune.Budget)},
			report.Fact{Label: "regime", Value: r.Regime})
	}
	return facts
}
