package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/secateur/secateur/core/graph"
)

// Dump writes the plan as text, one loop a line: where its output lies in the arena and how many
// bytes are alive while it runs.
func (p *Plan) Dump(w io.Writer) error {
	alive := p.layout.alive(len(p.steps))
	fmt.Fprintf(w, "arena %d bytes, %d loops a step, %d prepared in %d bytes\n", p.ArenaBytes(), len(p.steps), len(p.static), 4*len(p.prepared))
	fmt.Fprintf(w, "%4s %-36s %-28s %-16s %12s %12s %12s\n", "step", "node", "op", "shape", "offset", "bytes", "alive")
	for i, s := range p.steps {
		where := "leaf"
		if b := p.layout.buffers[p.layout.root[s.node]]; b != nil {
			where = fmt.Sprint(4 * b.at)
			if p.layout.root[s.node] != s.node {
				where += "="
			}
		}
		if _, err := fmt.Fprintf(w, "%4d %-36s %-28s %-16v %12s %12d %12d\n", i, s.node.Name, s.node.Op.Kind(),
			s.node.Shape, where, 4*s.node.Shape.Elems(), 4*alive[i]); err != nil {
			return err
		}
	}
	return nil
}

// span is one loop of a traced run.
type span struct{ start, length time.Duration }

// Trace runs once and writes the time of each loop as Chrome trace events, which Perfetto and
// chrome://tracing show.
func (p *Plan) Trace(w io.Writer) error {
	if p.spans == nil {
		p.spans = make([]span, len(p.steps))
	}
	begin := time.Now()
	for i := range p.steps {
		start := time.Since(begin)
		p.steps[i].run()
		p.spans[i] = span{start, time.Since(begin) - start}
	}
	return json.NewEncoder(w).Encode(map[string]any{"traceEvents": p.events(), "displayTimeUnit": "ms"})
}

func (p *Plan) events() []map[string]any {
	out := make([]map[string]any, 0, len(p.steps))
	for i, s := range p.steps {
		args := map[string]any{"shape": s.node.Shape.String(), "bytes": 4 * s.node.Shape.Elems()}
		if c, ok := s.node.Op.(graph.Counter); ok {
			args["macs"] = c.MACs(s.node)
		}
		out = append(out, map[string]any{"name": s.node.Name, "cat": s.node.Op.Kind(), "ph": "X", "pid": 1, "tid": 1,
			"ts": float64(p.spans[i].start.Nanoseconds()) / 1e3, "dur": float64(p.spans[i].length.Nanoseconds()) / 1e3, "args": args})
	}
	return out
}
