package kernels

import (
	"fmt"
	"os"
	"strings"
)

// EnvSet is the environment variable that overrides the choice of Default.
const EnvSet = "SECATEUR_KERNELS"

// Available is every set that runs on this CPU, the best first; Generic is always the last.
func Available() []Set {
	sets, _ := assembly()
	return append(sets, Generic())
}

// Best is the fastest set for this CPU.
func Best() Set { return Available()[0] }

// ByName is the set of that name, or an error with the names that this CPU has.
func ByName(name string) (Set, error) {
	var names []string
	for _, s := range Available() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Set{}, fmt.Errorf("kernel set %q is not available here, want one of %s", name, strings.Join(names, ", "))
}

// Default is the set that SECATEUR_KERNELS names, or else the best.
func Default() (Set, error) {
	s, _, err := choose(os.Getenv(EnvSet))
	return s, err
}

// Choice is the name of the set that Default picks, and the reason for it in one line.
func Choice() (name, reason string, err error) {
	s, reason, err := choose(os.Getenv(EnvSet))
	return s.Name, reason, err
}

// choose is the best set, or the one that was asked for by name, and the reason.
func choose(name string) (Set, string, error) {
	_, reason := assembly()
	if name == "" {
		return Best(), reason, nil
	}
	s, err := ByName(name)
	if err != nil {
		return Set{}, "", fmt.Errorf("%s: %w", EnvSet, err)
	}
	return s, fmt.Sprintf("%s=%s, in place of %s: %s", EnvSet, name, Best().Name, reason), nil
}
