package train

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/secateur/secateur/core/eval"
)

// Event is one line of events.jsonl and of `adapt --json`.
type Event struct {
	Event    string  `json:"event"` // start, head, epoch, cache, regime, imitation, turn, warning, done
	Schema   int     `json:"schema"`
	Phase    string  `json:"phase,omitempty"` // head, tune, turn, final
	Epoch    int     `json:"epoch,omitempty"`
	Epochs   int     `json:"epochs,omitempty"`
	Turn     int     `json:"turn,omitempty"`
	Loss     float64 `json:"loss,omitempty"`     // mean over the epoch
	Accuracy float64 `json:"accuracy,omitempty"` // of the training images in the epoch
	ValLoss  float64 `json:"val_loss,omitempty"` // class-balanced
	ValAcc   float64 `json:"val_accuracy,omitempty"`
	Rate     float64 `json:"lr,omitempty"`
	PerSec   float64 `json:"images_per_second,omitempty"`
	Celsius  float64 `json:"celsius,omitempty"`
	Message  string  `json:"message,omitempty"`
	Detector bool    `json:"detector,omitempty"` // val_accuracy is average precision at an IoU of 0.5

	CacheBytes int64 `json:"cache_bytes,omitempty"` // of the features that the head was trained on
	Packed     bool  `json:"packed,omitempty"`      // as int8

	MACs     int64  `json:"macs,omitempty"`
	Params   int    `json:"params,omitempty"`
	Removed  int    `json:"removed,omitempty"` // filters, in this turn
	Regime   string `json:"regime,omitempty"`  // that the turn belongs to, or that was chosen
	Block    string `json:"block,omitempty"`   // that went as a whole
	Accepted *bool  `json:"accepted,omitempty"`
	Reason   string `json:"reason,omitempty"`

	Dense  *eval.Report `json:"dense,omitempty"`
	Pruned *eval.Report `json:"pruned,omitempty"`
}

// log writes events to events.jsonl and epochs to metrics.csv in the run folder, and hands them on.
type log struct {
	file io.WriteCloser
	csv  *csv.Writer
	rows io.Closer
	on   func(Event)

	detector bool
}

// newLog appends to the files of a run folder; without a folder events are only handed on.
func newLog(dir string, on func(Event)) (*log, error) {
	l := &log{on: on}
	if dir == "" {
		return l, nil
	}
	f, err := os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	l.file = f
	m, err := os.OpenFile(filepath.Join(dir, "metrics.csv"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		f.Close()
		return nil, err
	}
	l.rows, l.csv = m, csv.NewWriter(m)
	if st, err := m.Stat(); err == nil && st.Size() == 0 {
		l.csv.Write([]string{"phase", "turn", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "images_per_second", "macs", "params"})
	}
	return l, nil
}

// emit records one event. A full disk stops the run: its caller must know.
func (l *log) emit(e Event) error {
	e.Schema, e.Detector = 1, l.detector
	if l.on != nil {
		l.on(e)
	}
	if l.file == nil {
		return nil
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	if e.Event == "epoch" || e.Event == "turn" {
		l.csv.Write(e.row())
		l.csv.Flush()
		if err := l.csv.Error(); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

func (e Event) row() []string {
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	return []string{e.Phase, strconv.Itoa(e.Turn), strconv.Itoa(e.Epoch), f(e.Loss), f(e.Accuracy), f(e.ValLoss), f(e.ValAcc),
		f(e.Rate), f(e.PerSec), strconv.FormatInt(e.MACs, 10), strconv.Itoa(e.Params)}
}

func (l *log) close() {
	if l.file != nil {
		l.file.Close()
		l.rows.Close()
	}
}
