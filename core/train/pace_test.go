package train

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/secateur/secateur/kernels"
)

// TestPacedTraining: a training whose threads come and go, and which rests in between, ends with the same bits.
func TestPacedTraining(t *testing.T) {
	adapt := func(pace func() int) map[string][]float32 {
		c := smallConfig(t)
		c.Env.Pool = kernels.NewPool(3)
		defer c.Env.Pool.Close()
		c.Epochs = 1
		c.Env.Pool.Pace(pace)
		r, err := Adapt(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		return (&job{net: r.Model}).params()
	}
	calls := 0
	want := adapt(nil)
	got := adapt(func() int {
		if calls++; calls%100 == 0 {
			time.Sleep(time.Millisecond)
		}
		return calls / 7 % 4
	})
	if calls < 100 {
		t.Fatalf("the pace was asked %d times", calls)
	}
	for name, v := range want {
		for i := range v {
			if math.Float32bits(v[i]) != math.Float32bits(got[name][i]) {
				t.Fatalf("%s[%d] is %v, undisturbed %v", name, i, got[name][i], v[i])
			}
		}
	}
}
