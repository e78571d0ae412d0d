//go:build !race

package plan

// raceEnabled: the race detector allocates on its own.
const raceEnabled = false
