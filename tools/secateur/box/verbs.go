package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/inbox"
	"github.com/secateur/secateur/device/slot"
	"github.com/secateur/secateur/device/spool"
)

// Remote is one invocation of the forced command.
type Remote struct {
	*Station
	Key     string
	In      io.Reader // of put
	Out     io.Writer
	Quota   int64 // bytes of all pictures
	Reserve int64 // bytes that stay free on the disk
	Upload  inbox.Limits
	Doctor  func(io.Writer) error
}

// Verbs are what a client can ask for.
func (r *Remote) Verbs(ctx context.Context) map[string]gate.Verb {
	return map[string]gate.Verb{
		"retrain": func(q gate.Request) error { return r.submit(ctx, q) },
		"status":  func(gate.Request) error { return r.status() },
		"logs":    func(q gate.Request) error { return r.logs(ctx, q) },
		"cancel":  func(q gate.Request) error { return coded(r.Jobs.Cancel(uint64(q.Int("job")))) },
		"models":  func(gate.Request) error { return r.models() },
		"promote": func(q gate.Request) error { return r.promote(ctx, uint64(q.Int("model"))) },
		"confirm": func(gate.Request) error { return coded(r.Models.Confirm()) },
		"rollback": func(gate.Request) error {
			_, err := r.Models.Rollback("by key " + r.Key)
			return coded(err)
		},
		"put":    func(q gate.Request) error { return r.put(q.Values["set"]) },
		"doctor": func(gate.Request) error { return coded(r.Doctor(r.Out)) },
	}
}

// coded gives an error its exit code.
func coded(err error) error {
	if err == nil {
		return nil
	}
	return &gate.Exit{Code: code(err), Err: err}
}

func (r *Remote) print(v any) error { return json.NewEncoder(r.Out).Encode(v) }

// submit makes a job and, with follow=yes, stays until it ends. Who leaves earlier leaves the job running.
func (r *Remote) submit(ctx context.Context, q gate.Request) error {
	values := map[string]string{}
	for k, v := range q.Values {
		if k != "follow" {
			values[k] = v
		}
	}
	j, err := r.Jobs.Submit(r.Key, values)
	if err != nil {
		return coded(err)
	}
	if err := r.print(j); err != nil || q.Values["follow"] != "yes" {
		return err
	}
	return r.follow(ctx, j.Number, true)
}

func (r *Remote) logs(ctx context.Context, q gate.Request) error {
	n := uint64(q.Int("job"))
	if n == 0 {
		var err error
		if n, err = r.Jobs.Newest(); err != nil || n == 0 {
			return coded(errors.Join(errors.New("there is no job yet"), err))
		}
	}
	return r.follow(ctx, n, q.Values["follow"] == "yes")
}

// follow ends as the job did.
func (r *Remote) follow(ctx context.Context, n uint64, stay bool) error {
	done, err := r.Jobs.Follow(ctx, n, stay, r.Out)
	if ctx.Err() != nil {
		return &gate.Exit{Code: gate.ExitFailed, Err: fmt.Errorf("no longer followed: job %d goes on, and logs job=%d follow=yes follows it again", n, n)}
	}
	if err != nil || done == nil || done.Code == gate.ExitDone {
		return coded(err)
	}
	return &gate.Exit{Code: done.Code, Err: fmt.Errorf("job %d: %s", n, done.Line)}
}

// status is what a dashboard wants in one look.
func (r *Remote) status() error {
	st, warnings, err := r.Models.State()
	if err != nil {
		return coded(err)
	}
	n, err := r.Jobs.Newest()
	var job *spool.Status
	if err == nil && n > 0 {
		job, err = r.Jobs.Status(n)
	}
	if err != nil {
		return coded(err)
	}
	return r.print(map[string]any{"models": st, "warnings": warnings, "job": job})
}

// models are the numbers, names and sums; reports are long and left out.
func (r *Remote) models() error {
	st, _, err := r.Models.State()
	if err != nil {
		return coded(err)
	}
	list, err := r.Models.Models()
	if err != nil {
		return coded(err)
	}
	for _, m := range list {
		m.Report, m.Signature = nil, ""
		err = r.print(struct {
			*slot.Model
			Role string `json:"role"`
		}{m, st.Role(m.Number)})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Remote) promote(ctx context.Context, n uint64) error {
	if err := r.Activate(ctx, n); err != nil {
		return coded(err)
	}
	return r.status()
}

// put receives pictures for a set.
func (r *Remote) put(set string) error {
	used, err := bytesBelow(r.Data)
	if err != nil {
		return coded(err)
	}
	limits := r.Upload
	limits.Bytes = min(limits.Bytes, r.Quota-used)
	n, err := inbox.Receive(r.In, r.Data, set, limits, r.Reserve)
	switch {
	case errors.Is(err, inbox.ErrFull):
		return &gate.Exit{Code: gate.ExitSpace, Err: fmt.Errorf("%w (quota %d bytes, %d used)", err, r.Quota, used)}
	case errors.Is(err, inbox.ErrStream):
		return &gate.Exit{Code: gate.ExitData, Err: err}
	case errors.Is(err, inbox.ErrBusy):
		return &gate.Exit{Code: gate.ExitBusy, Err: err}
	case err != nil:
		return coded(err)
	}
	return r.print(map[string]any{"set": set, "images": n})
}

func bytesBelow(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
