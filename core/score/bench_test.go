package score

import (
	"context"
	"testing"

	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// BenchmarkCollect is the time of collecting for 9 pictures, MobileNet v2 at 224×224.
func BenchmarkCollect(b *testing.B) {
	st, err := groups.Find(zoo.MobileNetV2(1, 3, 1))
	if err != nil {
		b.Fatal(err)
	}
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(b), Samples: toy.Pictures(b, toy.Folder(b, "bench"), 3, 60), Classes: 3, Seed: 1}
	for _, needs := range []criteria.Needs{criteria.Activations, criteria.MapRanks, criteria.Samples, criteria.MarginGradients} {
		b.Run(needs.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Collect(st, needs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
