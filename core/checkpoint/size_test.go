package checkpoint

import (
	"bytes"
	"testing"
)

// TestSize is what Encode writes, or so little more that it is one alignment at most.
func TestSize(t *testing.T) {
	for n := range 5 {
		f := &File{Kind: "k", Meta: map[string]string{"a": "b"}, Body: []byte("body")}
		for i := range n {
			f.Tensors = append(f.Tensors, Tensor{Name: string(rune('a' + i)), Shape: []int{100 * i, 3}, F32: make([]float32, 300*i)})
		}
		var b bytes.Buffer
		if err := Encode(&b, f); err != nil {
			t.Fatal(err)
		}
		got, err := Size(f)
		if over := got - int64(b.Len()); err != nil || over < 0 || over > 64 {
			t.Errorf("%d tensors: %d bytes, Encode writes %d; %v", n, got, b.Len(), err)
		}
	}
}
