package eval

import (
	"context"
	"fmt"
	"io"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// CheckInput refuses networks that do not read one colour picture.
func CheckInput(g *graph.Graph) error {
	in := g.Role(graph.Input)
	if len(in) != 1 {
		return fmt.Errorf("the model has %d inputs, want one picture", len(in))
	}
	if s := in[0].Shape; len(s) != 4 || s[3] != 3 {
		return fmt.Errorf("the model's input %q has shape %v, want N×H×W×3 for a colour picture", in[0].Name, s)
	}
	return nil
}

// Preprocess is what a network wants of an image.
func Preprocess(g *graph.Graph) data.Preprocess {
	s := g.Node(Input(g)).Shape
	p := g.Preprocess()
	return data.Preprocess{Height: s[1], Width: s[2], Mean: p.Mean, Std: p.Std, BGR: p.BGR, Letterbox: p.Letterbox}
}

// Input is the name of the network's image input.
func Input(g *graph.Graph) string {
	for _, n := range g.Nodes {
		if n.Is(graph.Input) && len(n.Shape) == 4 {
			return n.Name
		}
	}
	panic("eval: the network has no image input")
}

// Forward runs a network over images in order, batch norm folded, and returns the rows of its
// first output.
func Forward(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, classes int) ([]float32, error) {
	out := tensor.Floats(len(samples) * g.Outputs[0].Shape.Elems() / g.Batch())
	return out, EachForward(ctx, e, g, samples, classes, func(at int, rows []float32) {
		copy(out[at*len(out)/len(samples):], rows)
	})
}

// EachForward is Forward batch by batch: put gets the rows of the images from at on, to copy.
func EachForward(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, classes int, put func(at int, rows []float32)) error {
	batch := min(BatchSize, len(samples))
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: batch, Fold: true})
	if err != nil {
		return err
	}
	p.Hook = ctx.Err
	f := g.Outputs[0].Shape.Elems() / g.Batch()
	done := 0
	return EachBatch(p, g, samples, batch, classes, nil, func(n int) error {
		put(done, p.Data(g.Outputs[0].Name)[:n*f])
		done += n
		return nil
	})
}

// EachBatch feeds images in order to a plan of batch images, runs it and calls after with the
// number of images that count. y, when not nil, gets the targets.
func EachBatch(p *plan.Plan, g *graph.Graph, samples []data.Sample, batch, classes int, y []float32, after func(n int) error) error {
	return EachLoaded(p, g, samples, data.LoaderOptions{Batch: batch, Classes: classes}, data.Batch{Targets: y}, after)
}

// EachLoaded is EachBatch with other labels: the loader writes what b has room for, and the images where the plan reads them.
// A plan of several times as many images is shown each in as many positions.
func EachLoaded(p *plan.Plan, g *graph.Graph, samples []data.Sample, o data.LoaderOptions, b data.Batch, after func(n int) error) error {
	if err := CheckInput(g); err != nil {
		return err
	}
	in := g.Node(Input(g)).Shape
	b.X = p.Data(Input(g))[:o.Batch*in[1]*in[2]*in[3]]
	l, err := data.NewLoader(samples, Preprocess(g), o)
	if err != nil {
		return err
	}
	defer l.Close()
	l.Epoch(0, 0, false)
	for {
		n, err := l.Next(&b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		Show(p, g, o.Batch)
		if err := p.Run(); err != nil {
			return err
		}
		if err := after(n); err != nil {
			return err
		}
	}
}
