package slot

import "sync"

// Holder gives a running model to whoever judges a frame, and changes it between frames: a frame is judged by one
// model from its start to its end, and none waits for a change.
type Holder[T any] struct {
	mu  sync.Mutex
	now *Lease[T]
}

// Lease is a model in use.
type Lease[T any] struct {
	Model  T
	Number uint64

	holder *Holder[T]
	users  int
	idle   chan struct{} // closed when it is neither the current model nor in use
}

// NewHolder holds model number n.
func NewHolder[T any](n uint64, model T) *Holder[T] {
	h := &Holder[T]{}
	h.now = h.lease(n, model)
	return h
}

func (h *Holder[T]) lease(n uint64, model T) *Lease[T] {
	return &Lease[T]{Model: model, Number: n, holder: h, users: 1, idle: make(chan struct{})}
}

// Acquire is the current model; Release it when the frame is judged.
func (h *Holder[T]) Acquire() *Lease[T] {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now.users++
	return h.now
}

// Release gives a model back.
func (l *Lease[T]) Release() {
	l.holder.mu.Lock()
	defer l.holder.mu.Unlock()
	if l.users--; l.users == 0 {
		close(l.idle)
	}
}

// Swap makes model number n the current one at once. What comes back is the former one and a channel that is closed
// when no frame uses it any more.
func (h *Holder[T]) Swap(n uint64, model T) (former T, idle <-chan struct{}) {
	next := h.lease(n, model)
	h.mu.Lock()
	old := h.now
	h.now = next
	h.mu.Unlock()
	old.Release() // the holder's own use
	return old.Model, old.idle
}
