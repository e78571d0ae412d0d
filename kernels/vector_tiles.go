//go:build !noasm && (amd64 || arm64)

package kernels

const (
	loopFloats = 16 * 1024 // floats of one assembly call of an element-wise loop: 64 KiB an operand
	callTaps   = 9         // taps of one assembly call: their weights fill the registers
	callPixels = 16 * 1024 // pixels × blocks of 8 channels of one call: at most about 30 µs on x86
	tileBlocks = 256       // blocks of channels of one transform of a tile: about 10 µs on x86
	sumRows    = 256       // rows of a column sum that are added up before they go to the total
	sumCols    = 512       // columns of a column sum at a time
	maxLanes   = 64        // columns of a maximum
)

// callRows is how many rows of c floats one assembly call takes.
func callRows(c int) int { return max(1, loopFloats/c) }

// poolPixels is how many pixels of c channels and that many taps one assembly call takes.
func poolPixels(c, taps int) int { return max(1, 8*loopFloats/(c*taps)) }
