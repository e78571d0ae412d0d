package pruning

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/secateur/secateur/pruning/groups"
)

// Budget is what a pruned network may cost.
type Budget struct {
	Of    string  // macs or params
	Share float64 // of the original, 0 where Count says it
	Count int64   // of one image's multiply-adds, or of parameters
}

// ParseBudget reads "macs=0.5" and "params=0.4", shares of the original, or "macs=150M" and
// "params=200k", numbers with k, M or G behind them; a number above 1 without a letter is meant
// as it stands.
func ParseBudget(s string) (Budget, error) {
	of, value, _ := strings.Cut(s, "=")
	if of != "macs" && of != "params" {
		return Budget{}, fmt.Errorf("budget %q: want macs=… or params=…", s)
	}
	unit := 1.0
	number := value
	for letter, u := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if rest, ok := strings.CutSuffix(value, letter); ok {
			number, unit = rest, u
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v > 0) || v*unit > math.MaxInt64/2 {
		return Budget{}, fmt.Errorf("budget %q: %q is no share like 0.5 and no number like 150M", s, value)
	}
	if unit == 1 && v <= 1 {
		return Budget{Of: of, Share: v}, nil
	}
	return Budget{Of: of, Count: int64(v * unit)}, nil
}

// Target is the budget as a number, given what the original network costs.
func (b Budget) Target(original groups.Cost) int64 {
	if b.Share > 0 {
		return int64(b.Share * float64(b.part(original)))
	}
	return b.Count
}

// part is what the budget counts of a cost.
func (b Budget) part(c groups.Cost) int64 {
	if b.Of == "params" {
		return c.Params
	}
	return c.MACs
}

// String is the budget as ParseBudget reads it.
func (b Budget) String() string {
	if b.Share > 0 {
		return b.Of + "=" + strconv.FormatFloat(b.Share, 'g', -1, 64)
	}
	return b.Of + "=" + strconv.FormatInt(b.Count, 10)
}
