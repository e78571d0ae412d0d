package zoo

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/kernels"
)

// TestNetworks compares with torchvision's counts, which the papers round to.
func TestNetworks(t *testing.T) {
	for _, want := range []struct {
		name   string
		params int
		macs   int64
	}{
		{"resnet18", 11_689_512, 1_814_073_344},
		{"mobilenetv2", 3_504_872, 300_774_272},
		{"squeezenet1_1", 1_235_496, 349_151_936},
	} {
		g, err := Network(want.name, 2, 1000, 1)
		if err != nil {
			t.Fatal(err)
		}
		if g.Params() != want.params || g.MACs() != 2*want.macs {
			t.Errorf("%s: %d parameters, %d multiply-adds for two images, want %d and %d", want.name, g.Params(), g.MACs(), want.params, 2*want.macs)
		}
		if out := g.Outputs[0].Shape; out[0] != 2 || out[1] != 1000 || len(out) != 2 {
			t.Errorf("%s: logits %v, want 2×1000", want.name, out)
		}
	}
}

// TestNetworksStayFinite runs each on a picture of noise: logits are numbers, and not all the same.
func TestNetworksStayFinite(t *testing.T) {
	pool := kernels.NewPool(0)
	defer pool.Close()
	for _, name := range Networks() {
		g, err := Network(name, 1, 10, 1)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(g, plan.Options{Env: graph.Env{Kernels: kernels.Best(), Pool: pool}, Fold: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := 0, p.Data("input"); i < len(x); i++ {
			x[i] = float32(i*7919%1009)/504 - 1
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		y := p.Data(g.Outputs[0].Name)
		for i, v := range y {
			if math.Abs(float64(v)) > 1000 || v != v || i > 0 && v == y[i-1] && v != 0 {
				t.Errorf("%s: logits %v, want different small numbers", name, y)
				break
			}
		}
	}
}

func TestNetworkRefuses(t *testing.T) {
	if _, err := Network("vgg16", 1, 10, 1); err == nil || !strings.Contains(err.Error(), "vgg16") || !strings.Contains(err.Error(), "resnet18") {
		t.Errorf("an unknown network says %v, want its name and those that exist", err)
	}
	if _, err := Network("resnet18", 0, 10, 1); err == nil {
		t.Error("a batch of 0 is taken")
	}
}
