package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/spool"
	"github.com/secateur/secateur/pruning"
)

// Station is a box with its jobs: what the forced command of an SSH key asks it for, and what the retraining service does.
type Station struct {
	*Box
	Jobs  *spool.Spool
	Data  string // folder of picture sets, SET/CLASS/*
	Runs  string // folder of the runs of jobs
	Train Retrain
}

// Work does a job of the spool: the station's retraining with what the job says in its place.
func (s *Station) Work(ctx context.Context, j spool.Job, log io.Writer) spool.Done {
	r, err := s.retrain(j)
	var staged *Staged
	if err == nil {
		r.On = func(e train.Event) { json.NewEncoder(log).Encode(e) }
		staged, err = s.Retrain(ctx, *r, log)
	}
	done := spool.Done{Code: code(err), Line: "live on trial"}
	if err != nil {
		done.Line = err.Error()
	}
	if staged != nil {
		done.Report, _ = json.Marshal(staged)
		if err == nil {
			done.Line = fmt.Sprintf("model %d is live on trial", staged.Model.Number)
		}
	}
	fmt.Fprintln(log, done.Line)
	return done
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
	return &r, s.pruning(&r, j)
}

// pruning is what a job says of criterion and budget; what it does not say is the station's.
func (s *Station) pruning(r *Retrain, j spool.Job) error {
	criterion, keep := j.Values["prune"], j.Values["keep"]
	if criterion == "none" {
		r.Prune = nil
		return nil
	}
	if criterion == "" && keep == "" {
		return nil
	}
	now := train.DefaultPrune("fusion", pruning.Budget{})
	if s.Train.Prune != nil {
		*now = *s.Train.Prune
	}
	if criterion != "" {
		now.Criterion = criterion
	}
	if keep == "" {
		keep = "macs=0.5"
	}
	var err error
	if now.Budget, err = pruning.ParseBudget(keep); err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	r.Prune = now
	return nil
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
		return gate.ExitFailed
	}
	return gate.CodeOf(err)
}
