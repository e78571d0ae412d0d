package slot

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// engine is a model that notices when two of them judge one frame, or when it is closed in use.
type engine struct {
	number uint64
	closed atomic.Bool
}

// TestSwapUnderLoad changes the model a thousand times while frames are judged: no frame is lost, none sees two
// models or a closed one, and a change takes less than 100 ms.
func TestSwapUnderLoad(t *testing.T) {
	h := NewHolder(0, &engine{})
	var frames, judged, mixed atomic.Int64
	stop := make(chan struct{})
	var cameras sync.WaitGroup
	for range 3 {
		cameras.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				frames.Add(1)
				l := h.Acquire()
				first := l.Model.number
				time.Sleep(50 * time.Microsecond) // the work of a frame
				if l.Model.closed.Load() || l.Model.number != first || l.Number != first {
					mixed.Add(1)
				}
				judged.Add(1)
				l.Release()
			}
		})
	}
	var worst time.Duration
	for n := uint64(1); n <= 1000; n++ {
		for seen := frames.Load(); frames.Load() == seen; {
			runtime.Gosched() // a frame is under way at each change
		}
		began := time.Now()
		old, idle := h.Swap(n, &engine{number: n})
		worst = max(worst, time.Since(began))
		<-idle
		old.closed.Store(true)
	}
	close(stop)
	cameras.Wait()
	if mixed.Load() != 0 || judged.Load() != frames.Load() {
		t.Errorf("%d frames, %d judged, %d by a mixed or closed model", frames.Load(), judged.Load(), mixed.Load())
	}
	if worst > 100*time.Millisecond {
		t.Errorf("the slowest change took %v", worst)
	}
}
