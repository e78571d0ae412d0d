package train

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/plan"
)

// liveTeacher is the plan of the dense network on a batch: a run that was resumed has it from its folder.
func (j *job) liveTeacher() (*plan.Plan, error) {
	if j.dense == nil {
		g, err := checkpoint.LoadModel(filepath.Join(j.RunDir, denseName))
		if err != nil {
			return nil, fmt.Errorf("the network before pruning, which teaches: %w", err)
		}
		if j.dense, _, err = g.WithBatch(j.Batch); err != nil {
			return nil, err
		}
	}
	p, err := plan.Compile(j.dense, plan.Options{Env: j.Env, Fold: true})
	if err == nil {
		p.Hook = j.ctx.Err
	}
	return p, err
}

// askLive lets the dense network answer for the n pictures of the batch as they are shown, augmented and mixed.
func (t *tuner) askLive(n int) error {
	if t.live == nil {
		return nil
	}
	copy(t.live.Data(eval.Input(t.dense)), t.batch.X)
	if err := t.live.Run(); err != nil {
		return err
	}
	for i, input := range t.task.teacher() {
		y := t.live.Data(t.dense.Outputs[i].Name)
		copy(t.plan.Data(input), y[:len(y)/t.Batch*n])
	}
	return nil
}

// teach feeds the dense network's logits of the batch's images, of mixed images those of the mixture of its answers.
func (t *tuner) teach(n int, share float32) {
	w, z := t.plan.Data(teacherWeight), t.plan.Data(teacher)
	clear(w)
	clear(z)
	for i := range n {
		w[i] = share / float32(n)
		if t.live != nil {
			continue // askLive will fill it in
		}
		to, own := z[i*t.classes:(i+1)*t.classes], t.answer(i)
		if t.batch.Share == 1 {
			copy(to, own)
		} else {
			mixAnswers(to, own, t.answer(int(t.batch.Mates[i])), t.batch.Share, float64(t.objective.Temperature))
		}
	}
}

// answer is the dense network's logits of the image at place i of the batch, of the view that is shown where
// the dense network has seen it.
func (t *tuner) answer(i int) []float32 {
	at := int(t.batch.Index[i])
	if c, ok := t.loader.(*cacheFeeder); ok {
		at += c.view * len(t.train)
	}
	return t.anchor[at*t.classes:][:t.classes]
}

// mixAnswers writes logits whose softmax at a temperature is share·softmax(a) + (1-share)·softmax(b).
func mixAnswers(z, a, b []float32, share float32, temperature float64) {
	sum := func(z []float32, top float32) (s float64) {
		for _, v := range z {
			s += math.Exp(float64(v-top) / temperature)
		}
		return s
	}
	ta, tb := slices.Max(a), slices.Max(b)
	sa, sb := sum(a, ta), sum(b, tb)
	for i := range z {
		p := math.Exp(float64(a[i]-ta)/temperature) / sa
		q := math.Exp(float64(b[i]-tb)/temperature) / sb
		z[i] = float32(temperature * math.Log(math.Max(float64(share)*p+(1-float64(share))*q, 1e-30)))
	}
}
