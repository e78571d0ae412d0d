package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// A 3×3 convolution of stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016,
// arXiv:1509.09308): tiles of 4×4 outputs become 36 products of matrices, tiles × input channels ×
// output channels, which is a quarter of the multiplications. The gradient of the input is the same
// with the filters turned round, that of the weights the transposed map. Transforms are package
// kernels'; here is how they are put together so that what is transformed stays in the cache.

// winogradPlanes is the number of elements of a transformed tile, and so of matrices.
const winogradPlanes = 36

// winogradTile is the height and width of the outputs of a tile.
const winogradTile = 4

// winogradFits reports whether F(4×4, 3×3) can make that convolution.
func winogradFits(c Conv, w tensor.Shape) bool {
	win := c.window([2]int{w[1], w[2]})
	return c.groups() == 1 && win.kernel == [2]int{3, 3} && win.stride == [2]int{1, 1} && win.dilation == [2]int{1, 1}
}

// winogradWins reports whether a convolution that makes y from that many input channels, or the
// gradient of one, is faster so than by rows of pixels. Measured on a Zen 3, one and two threads: with
// 16 channels 0.7 to 0.95 of the time, from 32 on 0.35 to 0.75, but as long for one map of 7×7, four
// tiles, whose filters take longer to transform than to use.
func winogradWins(y tensor.Shape, inputs, outputs int) bool {
	return min(inputs, outputs) >= 16 && winogradCount(y) >= 8
}

// winogradWinsWeight is that for the gradient of the weights: 0.3 to 0.85 of the time, 0.7 to 0.95 for
// 16 tiles, 1.5 for four.
func winogradWinsWeight(dy tensor.Shape, c int) bool {
	return min(c, dy[3]) >= 16 && winogradCount(dy) >= 16
}

// winogradCount is the number of tiles of y.
func winogradCount(y tensor.Shape) int {
	g := newWinogradGrid(y[0], [2]int{}, [2]int{y[1], y[2]}, [2]int{})
	return g.count()
}

// winogradByTiles transforms filters block by block if the tiles are few, even at rest: transformed,
// they take four times the memory of the weights.
func winogradByTiles(l *winogradLoop) lowering {
	if l.count() <= winogradFewTiles {
		return newWinogradFew(l)
	}
	return l
}

// winogradGrid is the tiles of a batch.
type winogradGrid struct {
	images int
	in     [2]int // height and width of an image that is read
	out    [2]int // of one that is made
	pads   [2]int // top and left: output 0 begins to read at -pads
	tiles  [2]int // rows and columns of tiles of an image
}

func newWinogradGrid(images int, in, out, pads [2]int) winogradGrid {
	g := winogradGrid{images: images, in: in, out: out, pads: pads}
	for i := range 2 {
		g.tiles[i] = (out[i] + winogradTile - 1) / winogradTile
	}
	return g
}

// count is the number of tiles.
func (g *winogradGrid) count() int { return g.images * g.tiles[0] * g.tiles[1] }

// at is the image of a tile and its first output pixel.
func (g *winogradGrid) at(tile int) (image, y, x int) {
	line := tile / g.tiles[1]
	return line / g.tiles[0], line % g.tiles[0] * winogradTile, tile % g.tiles[1] * winogradTile
}

// winogradPlane is the distance between planes of n floats: not a multiple of a page, which would
// send the same place of all 36 to the same few lines of a cache.
func winogradPlane(n int) int { return (n+15)/16*16 + 16 }

// tileTransform is one of the transforms of kernels.Winograd.
type tileTransform func(y []float32, yr, yc int, x []float32, xr, xc, c int)

// winogradPatch is the channels of a tile that are copied at a time where it hangs over an edge.
const winogradPatch = 64

// winogradPatchFloats is the room that such a copy takes.
const winogradPatchFloats = winogradPlanes * winogradPatch

// winogradRead transforms k×k pixels of an image from (y, x), zeros outside of it, n channels each
// of which src has the first one, into planes of dst.
func winogradRead(f tileTransform, dst []float32, plane int, src []float32, size [2]int, channels, n, k, y, x int, patch []float32) {
	if y >= 0 && x >= 0 && y+k <= size[0] && x+k <= size[1] {
		f(dst, 6*plane, plane, src[(y*size[1]+x)*channels:], size[1]*channels, channels, n)
		return
	}
	x0, x1 := max(x, 0), min(x+k, size[1])
	for lo := 0; lo < n; lo += winogradPatch {
		c := min(winogradPatch, n-lo)
		clear(patch[:k*k*c])
		for i := max(y, 0); i < min(y+k, size[0]); i++ {
			for j := x0; j < x1; j++ {
				copy(patch[((i-y)*k+j-x)*c:][:c], src[(i*size[1]+j)*channels+lo:])
			}
		}
		f(dst[lo:], 6*plane, plane, patch, k*c, c, c)
	}
}

// winogradWrite transforms planes of src back to the pixels of an image from (y, x), n channels
// each of which dst has the first one, and leaves out those that are not on it.
func winogradWrite(f tileTransform, dst []float32, size [2]int, channels, n, y, x int, src []float32, plane int, patch []float32) {
	const k = winogradTile
	if y+k <= size[0] && x+k <= size[1] {
		f(dst[(y*size[1]+x)*channels:], size[1]*channels, channels, src, 6*plane, plane, n)
		return
	}
	for lo := 0; lo < n; lo += winogradPatch {
		c := min(winogradPatch, n-lo)
		f(patch, k*c, c, src[lo:], 6*plane, plane, c)
		for i := y; i < min(y+k, size[0]); i++ {
			for j := x; j < min(x+k, size[1]); j++ {
				copy(dst[(i*size[1]+j)*channels+lo:][:c], patch[((i-y)*k+j-x)*c:])
			}
		}
	}
}

// winogradFilters says how the weights of a convolution, or of its gradient for the input, are
// matrices: of each tap one of inputs×outputs.
type winogradFilters struct {
	inputs, outputs int
	// pack packs rows k0 to k1 and columns lo to hi of the matrix of tap (ky, kx).
	pack func(dst, w []float32, ky, kx, k0, k1, lo, hi int)
}

// winogradForward is the filters of a convolution with that weight.
func winogradForward(e *graph.Env, w tensor.Shape) winogradFilters {
	c := w[3]
	return winogradFilters{c, w[0], func(dst, v []float32, ky, kx, k0, k1, lo, hi int) {
		e.Kernels.PackBT(dst, v[(lo*9+ky*3+kx)*c+k0:], 9*c, k1-k0, hi-lo)
	}}
}

// winogradBackward is the filters of its gradient for the input: taps turned round, inputs and
// outputs exchanged.
func winogradBackward(e *graph.Env, w tensor.Shape) winogradFilters {
	c := w[3]
	return winogradFilters{w[0], c, func(dst, v []float32, ky, kx, k0, k1, lo, hi int) {
		e.Kernels.PackB(dst, v[(k0*9+(2-ky)*3+2-kx)*c+lo:], 9*c, k1-k0, hi-lo)
	}}
}

// transform makes the 36 packed matrices of rows k0 to k1 and columns lo to hi, plane floats apart.
// Packing is a permutation, and the same for each tap: the packed taps are transformed as they are.
func (f *winogradFilters) transform(e *graph.Env, dst []float32, plane int, w, tmp []float32, k0, k1, lo, hi int) {
	size := e.Kernels.PackSize(k1-k0, hi-lo)
	for ky := range 3 {
		for kx := range 3 {
			f.pack(tmp[(ky*3+kx)*size:][:size], w, ky, kx, k0, k1, lo, hi)
		}
	}
	e.Kernels.WinogradFilter(dst, 6*plane, plane, tmp, 3*size, size, size)
}
