package kernels

import (
	"fmt"
	"os"
	"strings"
)

// EnvSet is the environment variable that overrides the choice of Default.
const EnvSet = "SECATEUR_KERNELS"

// Available is every set that runs on this CPU, the best first; Generic is always the last.
func Available() []Set { return append(assembly(), Generic()) }

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
	name := os.Getenv(EnvSet)
	if name == "" {
		return Best(), nil
	}
	s, err := ByName(name)
	if err != nil {
		return Set{}, fmt.Errorf("%s: %w", EnvSet, err)
	}
	return s, nil
}
