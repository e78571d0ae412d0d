//go:build race

package kernels

// raceEnabled: under the race detector a sync.Pool loses some of what it is given.
const raceEnabled = true
