package gpio

import (
	"context"
	"time"

	"github.com/secateur/secateur/device/clock"
	"periph.io/x/conn/v3/gpio"
)

// FromPin makes edges of any pin of periph.io, so that every board, expander and adapter it knows
// can trigger. Such edges are stamped when the program wakes up, not by the kernel, and one that is
// lost cannot be seen: Stamped is false. The pin must have been made an input with an edge.
func FromPin(p gpio.PinIn) Edges {
	if e, ok := p.(Edges); ok {
		return e
	}
	return &pinEdges{pin: p}
}

type pinEdges struct {
	pin    gpio.PinIn
	number uint64
}

// pollEvery is how often a wait looks at its context: periph's has none.
const pollEvery = 100 * time.Millisecond

func (e *pinEdges) Next(ctx context.Context) (Edge, error) {
	for ctx.Err() == nil {
		if e.pin.WaitForEdge(pollEvery) {
			e.number++
			return Edge{Time: clock.Now(), Rising: bool(e.pin.Read()), Number: e.number}, nil
		}
	}
	return Edge{}, ctx.Err()
}
