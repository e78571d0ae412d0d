package main

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/spf13/pflag"
)

// addViews is the flag that says in how many positions pictures are shown.
func addViews(fl *pflag.FlagSet, n *int) {
	fl.IntVar(n, "views", 0, "positions in which each picture is judged, the answers averaged: 2 mirrored too, 4 and both upside down, for as many times the work; a budget counts one; 0 is the model's own, or 1")
}

func checkViews(n int) error {
	if n != 0 && !graph.ValidViews(n) {
		return usagef("--views wants 1, 2 or 4, not %d", n)
	}
	return nil
}

// showIn has g shown pictures in n positions, or with 0 in as many as it was.
func showIn(g *graph.Graph, n int) {
	if n > 0 {
		g.SetViews(n)
	}
}
