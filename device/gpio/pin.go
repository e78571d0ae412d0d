package gpio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Pin is a line as periph.io has it, a gpio.PinIO, and a source of edges with the kernel's time and
// number. It is requested by In or Out, and given back by Halt.
type Pin struct {
	Line      Line
	ActiveLow bool
	Debounce  time.Duration
	Buffer    int
	Consumer  string

	mu     sync.Mutex
	file   *os.File
	input  bool
	events *events
	pull   gpio.Pull
	lost   uint64
}

var _ gpio.PinIO = (*Pin)(nil)

// NewPin is a pin of a line, not requested yet.
func NewPin(l Line) *Pin { return &Pin{Line: l, Consumer: Consumer, pull: gpio.PullNoChange} }

// Consumer is whom the kernel names for lines that this program holds.
const Consumer = "secateur"

func (p *Pin) String() string   { return p.Line.String() }
func (p *Pin) Name() string     { return p.Line.Name }
func (p *Pin) Number() int      { return p.Line.Offset }
func (p *Pin) Function() string { return p.direction() }

func (p *Pin) direction() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.file == nil:
		return ""
	case p.input:
		return string(gpio.IN)
	}
	return string(gpio.OUT)
}

// Halt gives the line back. Its level afterwards is the board's affair.
func (p *Pin) Halt() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.release()
}

func (p *Pin) release() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file, p.events = nil, nil
	return err
}

// In makes the line an input.
func (p *Pin) In(pull gpio.Pull, edge gpio.Edge) error {
	o := InputOptions{Pull: pull, Edge: edge, ActiveLow: p.ActiveLow, Debounce: p.Debounce, Buffer: p.Buffer, Consumer: p.Consumer}
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	c, err := o.config()
	if err != nil {
		return fmt.Errorf("%v: %w", p.Line, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.release(); err != nil {
		return err
	}
	if p.file, err = request(p.Line, c, o.Buffer, o.Consumer); err != nil {
		return err
	}
	p.input, p.pull, p.lost, p.events = true, pull, 0, &events{from: p.file}
	return nil
}

// Out makes the line an output if it is none, and sets its level.
func (p *Pin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := lineValues{mask: 1}
	if l {
		v.bits = 1
	}
	if p.file != nil && !p.input {
		return control(p.file, "set the level", reqSetValues, &v)
	}
	if err := p.release(); err != nil {
		return err
	}
	c := lineConfig{flags: flagOutput, numAttrs: 1}
	if p.ActiveLow {
		c.flags |= flagActiveLow
	}
	c.attrs[0] = lineConfigAttribute{lineAttribute{id: attrValues, value: v.bits}, 1}
	f, err := request(p.Line, c, 0, p.Consumer)
	p.file, p.input = f, false
	return err
}

// Read is the level of the line, low where it cannot be read.
func (p *Pin) Read() gpio.Level {
	l, _ := p.Level()
	return l
}

// Level is Read with its error.
func (p *Pin) Level() (gpio.Level, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return gpio.Low, fmt.Errorf("%v: read before In or Out", p.Line)
	}
	v := lineValues{mask: 1}
	err := control(p.file, "read the level", reqGetValues, &v)
	return v.bits&1 != 0, err
}

// Next waits for an edge; it is what makes a Pin an Edges.
func (p *Pin) Next(ctx context.Context) (Edge, error) {
	p.mu.Lock()
	ev := p.events
	p.mu.Unlock()
	if ev == nil {
		return Edge{}, fmt.Errorf("%v: wait for an edge before In", p.Line)
	}
	e, err := ev.Next(ctx)
	if err != nil {
		return e, fmt.Errorf("%v: %w", p.Line, err)
	}
	p.mu.Lock()
	p.lost += e.Lost
	p.mu.Unlock()
	return e, nil
}

// WaitForEdge waits for an edge, for ever when timeout is negative.
func (p *Pin) WaitForEdge(timeout time.Duration) bool {
	ctx := context.Background()
	if timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	_, err := p.Next(ctx)
	return err == nil
}

// Lost is how many edges were lost since In.
func (p *Pin) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Pull is what In was given.
func (p *Pin) Pull() gpio.Pull { return p.pull }

// DefaultPull is not known to the kernel's interface.
func (p *Pin) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// PWM is not offered by the character device.
func (p *Pin) PWM(gpio.Duty, physic.Frequency) error {
	return fmt.Errorf("%v: %w", p.Line, errors.ErrUnsupported)
}
