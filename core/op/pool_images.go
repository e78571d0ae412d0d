package op

import "github.com/secateur/secateur/core/graph"

// poolImages is the images of a pooling: as they lie, or made by a prologue, the rows of a row of windows at a time.
type poolImages struct {
	e       *graph.Env
	m       *graph.Mem
	w       poolPlane
	row     int // floats of a row of an image
	perWork int // floats of scratch of a worker
	begin   prologue
}

func newPoolImages(e *graph.Env, n *graph.Node, m *graph.Mem, w poolPlane, h hooks) *poolImages {
	p := &poolImages{e: e, m: m, w: w, row: w.w.in * n.In[0].Shape.Channels(), begin: h.begin}
	if h.begin != nil {
		p.perWork = min(w.h.size(), w.h.in) * p.row
	}
	return p
}

// poolBegins: rows that several rows of windows read are made for each of them, which is worth it for less than two.
func poolBegins(p MaxPool, in []*graph.Node) bool {
	w := poolPlane.must(p.plane(in[0].Shape))
	return w.h.size() < 2*w.h.stride
}

func (p *poolImages) scratch() int { return p.e.Pool.Threads() * p.perWork }

// rows is an image from the first row on that has some taps; behind their last one there may be nothing.
func (p *poolImages) rows(image int, t poolTaps, worker int) []float32 {
	if t.rows == 0 {
		return nil
	}
	at := (image*p.w.h.in + t.row) * p.row
	if p.begin == nil {
		return p.m.In[0][at:]
	}
	x := p.m.Scratch[worker*p.perWork:][:((t.rows-1)*p.w.h.dilation+1)*p.row]
	p.begin(x, at)
	return x
}
