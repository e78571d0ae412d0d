// Package pruning removes filters. It edits graphs and never runs or trains one: what must be
// measured on the network (pooled activations, gate gradients, channel moments) comes as values.
//
// Groups finds which filters go together, a Criterion scores them, an Allocation says how many of
// each group go, Cut removes them, Repair makes up for them in the layers that read them, and
// Pace says how much to try in each turn.
package pruning
