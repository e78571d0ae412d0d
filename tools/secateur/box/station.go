package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/spool"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
)

// Station is a box with its jobs: what the forced command of an SSH key asks it for, and what the retraining service does.
type Station struct {
	*Box
	Jobs  *spool.Spool
	Data  string // folder of picture sets, SET/CLASS/*
	Runs  string // folder of the runs of jobs
	Train Retrain
	Begin func(ctx context.Context, on func(train.Event)) // called before a job; on may be called until ctx ends
}

// Work does a job of the spool: the station's retraining with what the job says in its place. The error is what Done
// tells.
func (s *Station) Work(ctx context.Context, j spool.Job, log io.Writer) (spool.Done, error) {
	log = &oneWriter{w: log} // the governor tells events too
	r, err := s.retrain(j)
	var staged *Staged
	if err == nil {
		r.On = s.events(log)
		if s.Begin != nil {
			s.Begin(ctx, r.On)
		}
		staged, err = s.Retrain(ctx, *r, log)
	}
	done := spool.Done{Code: code(err)}
	if staged != nil {
		done.Report, _ = json.Marshal(staged)
	}
	if err != nil {
		done.Line = err.Error()
	} else {
		done.Line = fmt.Sprintf("model %d is live on trial", staged.Model.Number)
	}
	fmt.Fprintln(log, done.Line)
	return done, err
}

// events writes each event to a log, a line each, and tells the station's own listener.
func (s *Station) events(log io.Writer) func(train.Event) {
	own := s.Train.On
	return func(e train.Event) {
		if b, err := json.Marshal(e); err == nil {
			log.Write(append(b, '\n'))
		}
		if own != nil {
			own(e)
		}
	}
}

// oneWriter lets several write, one after the other.
type oneWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneWriter) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// retrain is the retraining that a job asks for.
func (s *Station) retrain(j spool.Job) (*Retrain, error) {
	r := s.Train
	r.Folder = filepath.Join(s.Data, j.Values["set"])
	r.RunDir = filepath.Join(s.Runs, fmt.Sprintf("job-%06d", j.Number))
	number := func(key string, to *int) {
		if n, err := strconv.Atoi(j.Values[key]); err == nil {
			*to = n
		}
	}
	number("epochs", &r.Epochs)
	number("shots", &r.Shots)
	if n, err := strconv.ParseUint(j.Values["seed"], 10, 64); err == nil {
		r.Seed = n
	}
	return &r, s.Pruning(&r, j.Values["prune"], j.Values["keep"])
}

// Pruning sets criterion and budget of a retraining; "" is the station's, and the criterion "none" no pruning.
func (s *Station) Pruning(r *Retrain, criterion, keep string) error {
	if criterion == "none" {
		r.Prune = nil
		return nil
	}
	if criterion == "" && keep == "" {
		return nil
	}
	var err error
	r.Prune, err = prune(s.Train.Prune, criterion, keep)
	return err
}

// prune is a pruning with another criterion or budget, where they are not "".
func prune(usual *train.Prune, criterion, keep string) (*train.Prune, error) {
	now := train.DefaultPrune("fusion", pruning.Budget{})
	if usual != nil {
		*now = *usual
	}
	if criterion != "" {
		c, err := criteria.Lookup(criterion)
		if err != nil {
			return nil, err
		}
		now.Criterion = c.Name
	}
	if keep == "" && usual == nil {
		keep = "macs=0.5"
	}
	var err error
	if keep != "" {
		if now.Budget, err = pruning.ParseBudget(keep); err != nil {
			return nil, fmt.Errorf("keep: %w", err)
		}
	}
	return now, nil
}

// code is the exit code of the gate's table.
func code(err error) int {
	switch {
	case err == nil:
		return gate.ExitDone
	case errors.Is(err, context.Canceled):
		return gate.ExitCancelled
	case errors.Is(err, data.ErrUnusable):
		return gate.ExitData
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return gate.ExitSpace
	case errors.Is(err, spool.ErrBusy):
		return gate.ExitBusy
	case errors.Is(err, accept.ErrRefused):
		return gate.ExitTarget
	}
	return gate.CodeOf(err)
}
