// Package random derives every stream of random numbers from one seed, a name and a step, so
// that a run stopped anywhere goes on with the numbers it would have drawn undisturbed, and no
// thread draws from another's stream.
package random

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream is a generator of its own for one purpose at one step: the same arguments always give
// the same numbers, and different ones give unrelated numbers. Names are like paths:
// "shuffle", "augment/good/17.jpg".
func Stream(seed uint64, name string, step uint64) *rand.Rand {
	s1, s2 := mix(seed, name, step)
	return rand.New(rand.NewPCG(s1, s2))
}

// Hash is one number for a name, as unrelated between names as Stream's: sorting by it shuffles
// without regard to the order in which the names were found.
func Hash(seed uint64, name string) uint64 {
	h, _ := mix(seed, name, 0)
	return h
}

// Unit is Hash as a number in [0, 1).
func Unit(seed uint64, name string) float64 {
	return float64(Hash(seed, name)>>11) / (1 << 53)
}

// mix is the first 128 bits of SHA-256 over seed, step and name: the two numbers have a fixed
// length and come first, so no two arguments share an encoding.
func mix(seed uint64, name string, step uint64) (uint64, uint64) {
	buf := make([]byte, 0, 128)
	buf = binary.LittleEndian.AppendUint64(buf, seed)
	buf = binary.LittleEndian.AppendUint64(buf, step)
	sum := sha256.Sum256(append(buf, name...))
	return binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])
}
