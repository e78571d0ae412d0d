//go:build !race

package op

// raceEnabled: the race detector allocates on its own.
const raceEnabled = false
