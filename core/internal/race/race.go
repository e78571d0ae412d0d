// Package race tells tests whether they run under the race detector: Enabled. It allocates on its own, and makes a sync.Pool forget.
package race
