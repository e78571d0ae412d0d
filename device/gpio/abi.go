package gpio

//lint:file-ignore U1000 these structs are the kernel's: what we do not read keeps its place

import "github.com/secateur/secateur/device/internal/ioctl"

// The structures and numbers of version 2 of include/uapi/linux/gpio.h. layout_test.go compares
// sizes and offsets with the C compiler's.

const (
	linesMax     = 64
	attrsMax     = 10
	nameMax      = 32
	attrDebounce = 3
	attrValues   = 2
	edgeRising   = 1

	flagUsed      = 1 << 0
	flagActiveLow = 1 << 1
	flagInput     = 1 << 2
	flagOutput    = 1 << 3
	flagRising    = 1 << 4
	flagFalling   = 1 << 5
	flagPullUp    = 1 << 8
	flagPullDown  = 1 << 9
	flagNoPull    = 1 << 10
)

type chipInfo struct {
	name, label [nameMax]byte
	lines       uint32
}

type lineAttribute struct {
	id    uint32
	_     uint32
	value uint64 // flags, values, or a period in microseconds in the lower half
}

type lineConfigAttribute struct {
	attr lineAttribute
	mask uint64
}

type lineConfig struct {
	flags    uint64
	numAttrs uint32
	_        [5]uint32
	attrs    [attrsMax]lineConfigAttribute
}

type lineRequest struct {
	offsets         [linesMax]uint32
	consumer        [nameMax]byte
	config          lineConfig
	numLines        uint32
	eventBufferSize uint32
	_               [5]uint32
	fd              int32
}

type lineValues struct {
	bits, mask uint64
}

type lineInfo struct {
	name, consumer [nameMax]byte
	offset         uint32
	numAttrs       uint32
	flags          uint64
	attrs          [attrsMax]lineAttribute
	_              [4]uint32
}

// eventBytes is the size of gpio_v2_line_event: timestamp_ns u64, id, offset, seqno, line_seqno u32,
// six u32 of padding.
const eventBytes = 48

var (
	reqChipInfo  = ioctl.R[chipInfo](0xb4, 0x01)
	reqLineInfo  = ioctl.WR[lineInfo](0xb4, 0x05)
	reqLine      = ioctl.WR[lineRequest](0xb4, 0x07)
	reqGetValues = ioctl.WR[lineValues](0xb4, 0x0e)
	reqSetValues = ioctl.WR[lineValues](0xb4, 0x0f)
)
