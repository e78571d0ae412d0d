package study

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// Run does what is missing of a study: blocks in parallel, each on one thread. say is told of each result.
func Run(ctx context.Context, c *Config, set kernels.Set, workers int, r *Results, say func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks := make(chan *block)
	failed := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			pool := kernels.NewPool(1)
			defer pool.Close()
			for b := range blocks {
				b.ctx, b.env = ctx, graph.Env{Kernels: set, Pool: pool}
				if err := b.run(); err != nil && failed[w] == nil {
					failed[w] = fmt.Errorf("%s on %s, %d a class, seed %d: %w", b.model.Name, b.set.Name, b.shots, b.seed, err)
					cancel()
				}
			}
		})
	}
	for _, b := range c.blocks() {
		b.results, b.say = r, say
		blocks <- b
	}
	close(blocks)
	all.Wait()
	if err := errors.Join(slices.DeleteFunc(slices.Clone(failed), cancelled)...); err != nil {
		return err
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return r.WriteCSV()
}

// cancelled reports an error that another one, or the user, has led to.
func cancelled(err error) bool { return errors.Is(err, context.Canceled) }

// blocks are all draws of images of the study, seeds first, so that every set has results early.
func (c *Config) blocks() []*block {
	var list []*block
	for seed := range c.Seeds {
		for _, shots := range c.Shots {
			for _, m := range c.Models {
				for _, d := range c.Data {
					if len(m.Sets) == 0 || slices.Contains(m.Sets, d.Name) {
						list = append(list, &block{Config: c, model: m, set: d, shots: shots, seed: seed})
					}
				}
			}
		}
	}
	return list
}
