package pruning

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/secateur/secateur/pruning/groups"
)

// Budget is what a pruned network may cost.
type Budget struct {
	Of    string  // macs, params, latency, memory or bytes
	Share float64 // of the original, 0 where Count says it
	Count int64   // of one image's multiply-adds, of parameters, of nanoseconds, of bytes
}

// quantity is something that a budget can bound.
type quantity struct {
	units map[string]float64 // behind the number
	bare  bool               // a number above 1 needs no unit
	want  string             // an example of a number
	part  func(c *groups.Cost) *int64
	print func(int64) string
}

var (
	decimalUnits = map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9}
	byteUnits    = map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
	timeUnits    = map[string]float64{"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
)

// quantities by the name that budgets give them.
var quantities = map[string]quantity{
	"macs":    {decimalUnits, true, "150M", func(c *groups.Cost) *int64 { return &c.MACs }, printCount},
	"params":  {decimalUnits, true, "200k", func(c *groups.Cost) *int64 { return &c.Params }, printCount},
	"latency": {timeUnits, false, "12ms", func(c *groups.Cost) *int64 { return &c.Latency }, printTime},
	"memory":  {byteUnits, false, "64MiB", func(c *groups.Cost) *int64 { return &c.Memory }, printBytes},
	"bytes":   {byteUnits, false, "2MB", func(c *groups.Cost) *int64 { return &c.Bytes }, printBytes},
}

func printCount(n int64) string { return strconv.FormatInt(n, 10) }
func printBytes(n int64) string { return strconv.FormatInt(n, 10) + "B" }
func printTime(n int64) string  { return time.Duration(n).String() }

// ParseBudget reads a share of the original, "macs=0.5", or a number with its unit: "macs=150M" and
// "params=200k" with k, M or G, "latency=12ms", "memory=64MiB" and "bytes=2MB". MACs and parameters
// above 1 without a letter are meant as they stand.
func ParseBudget(s string) (Budget, error) {
	of, value, _ := strings.Cut(s, "=")
	q, ok := quantities[of]
	if !ok {
		return Budget{}, fmt.Errorf("budget %q: want macs=…, params=…, latency=…, memory=… or bytes=…", s)
	}
	number := strings.TrimRightFunc(value, func(r rune) bool { return !strings.ContainsRune("0123456789.", r) })
	letters := value[len(number):]
	unit, known := q.units[letters]
	if letters == "" {
		unit, known = 1, true
	}
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || !known || !(v > 0) || v*unit > math.MaxInt64/2 || (letters != "" && v*unit < 1):
		return Budget{}, fmt.Errorf("budget %q: %q is no share like 0.5 and no number like %s", s, value, q.want)
	case letters == "" && v <= 1:
		return Budget{Of: of, Share: v}, nil
	case letters == "" && !q.bare:
		return Budget{}, fmt.Errorf("budget %q: %q is no share, and as a number it wants a unit, like %s", s, value, q.want)
	}
	return Budget{Of: of, Count: int64(math.Round(v * unit))}, nil
}

// Target is the budget as a number, given what the original network costs.
func (b Budget) Target(original groups.Cost) int64 {
	if b.Share > 0 {
		return int64(b.Share * float64(b.Part(original)))
	}
	return b.Count
}

// Part is what the budget counts of a cost.
func (b Budget) Part(c groups.Cost) int64 {
	if q, ok := quantities[b.Of]; ok {
		return *q.part(&c)
	}
	return c.MACs
}

// Counts reports whether the shape of the network alone says what it costs: MACs and parameters. What the
// others count must be told by a cost function.
func (b Budget) Counts() bool { return b.Of == "" || b.Of == "macs" || b.Of == "params" }

// Format is an amount of what the budget counts, with its unit.
func (b Budget) Format(n int64) string {
	if q, ok := quantities[b.Of]; ok {
		return q.print(n)
	}
	return printCount(n)
}

// String is the budget as ParseBudget reads it.
func (b Budget) String() string {
	if b.Share > 0 {
		return b.Of + "=" + strconv.FormatFloat(b.Share, 'g', -1, 64)
	}
	return b.Of + "=" + b.Format(b.Count)
}
