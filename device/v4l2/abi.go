package v4l2

//lint:file-ignore U1000 these structs are the kernel's: what we do not read keeps its place

import "github.com/secateur/secateur/device/internal/ioctl"

// The structures and numbers of include/uapi/linux/videodev2.h that capturing needs, as amd64 and
// arm64 lay them out. layout_test.go compares sizes and offsets with the C compiler's.

const (
	typeCapture       = 1
	typeCaptureMPlane = 9

	memoryMmap = 1
	fieldNone  = 1

	capCapture       = 0x00000001
	capCaptureMPlane = 0x00001000
	capStreaming     = 0x04000000
	capDeviceCaps    = 0x80000000

	capTimePerFrame = 0x1000

	bufferError      = 0x00000040
	timestampMask    = 0x0000e000
	timestampMonoton = 0x00002000

	controlDisabled      = 0x0001
	controlReadOnly      = 0x0004
	controlInactive      = 0x0010
	controlWriteOnly     = 0x0040
	controlVolatile      = 0x0080
	controlNext          = 0x80000000
	maxPlanes            = 8
	maxFrame         int = 256 << 20 // bytes of one buffer that are believed
)

type capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities uint32
	deviceCaps   uint32
	_            [3]uint32
}

type fmtDesc struct {
	index       uint32
	kind        uint32
	flags       uint32
	description [32]byte
	pixelFormat uint32
	mbusCode    uint32
	_           [3]uint32
}

type frameSizeEnum struct {
	index       uint32
	pixelFormat uint32
	kind        uint32
	size        [6]uint32 // discrete: width, height; otherwise least, most, step of each
	_           [2]uint32
}

// pixFormat and pixFormatMPlane lie at the same place of v4l2_format.
type pixFormat struct {
	width, height           uint32
	pixelFormat             uint32
	field                   uint32
	bytesPerLine, sizeImage uint32
	colorSpace              uint32
	priv, flags             uint32
	encoding                uint32
	quantization            uint32
	transfer                uint32
}

type planePixFormat struct {
	sizeImage, bytesPerLine uint32
	_                       [6]uint16
}

type pixFormatMPlane struct {
	width, height uint32
	pixelFormat   uint32
	field         uint32
	colorSpace    uint32
	planes        [maxPlanes]planePixFormat
	numPlanes     uint8
	flags         uint8
	encoding      uint8
	quantization  uint8
	transfer      uint8
	_             [7]uint8
}

type format struct {
	kind uint32
	_    uint32
	pix  pixFormat
	_    [152]byte
}

type formatMPlane struct {
	kind uint32
	_    uint32
	pix  pixFormatMPlane
	_    [8]byte
}

type streamParm struct {
	kind         uint32
	capability   uint32
	captureMode  uint32
	timePerFrame [2]uint32 // numerator, denominator, seconds
	extendedMode uint32
	readBuffers  uint32
	_            [44]uint32
}

type requestBuffers struct {
	count        uint32
	kind         uint32
	memory       uint32
	capabilities uint32
	flags        uint8
	_            [3]uint8
}

// bufferHead is what buffer and bufferMPlane begin with.
type bufferHead struct {
	index     uint32
	kind      uint32
	bytesUsed uint32
	flags     uint32
	field     uint32
	_         uint32
	seconds   int64
	micros    int64
	timeCode  [16]byte
	sequence  uint32
	memory    uint32
}

type buffer struct {
	bufferHead
	offset    uint32 // to map it by
	_         uint32
	length    uint32
	_         uint32
	requestFD int32
	_         uint32
}

type bufferMPlane struct {
	bufferHead
	planes    *[maxPlanes]plane
	length    uint32 // planes
	_         uint32
	requestFD int32
	_         uint32
}

type plane struct {
	bytesUsed  uint32
	length     uint32
	offset     uint32 // to map it by
	_          uint32
	dataOffset uint32
	_          [11]uint32
}

type queryExtCtrl struct {
	id, kind uint32
	name     [32]byte
	minimum  int64
	maximum  int64
	step     uint64
	standard int64
	flags    uint32
	elemSize uint32
	elems    uint32
	dims     uint32
	dim      [4]uint32
	_        [32]uint32
}

// extControl is packed in C: its value is not aligned.
type extControl struct {
	id    uint32
	size  uint32
	_     uint32
	value [2]uint32
}

type extControls struct {
	which     uint32
	count     uint32
	errorIdx  uint32
	requestFD int32
	_         uint32
	_         uint32
	controls  *extControl
}

var (
	reqQueryCap     = ioctl.R[capability]('V', 0)
	reqEnumFmt      = ioctl.WR[fmtDesc]('V', 2)
	reqSetFmt       = ioctl.WR[format]('V', 5)
	reqReqBufs      = ioctl.WR[requestBuffers]('V', 8)
	reqQueryBuf     = ioctl.WR[buffer]('V', 9)
	reqQBuf         = ioctl.WR[buffer]('V', 15)
	reqDQBuf        = ioctl.WR[buffer]('V', 17)
	reqStreamOn     = ioctl.W[int32]('V', 18)
	reqStreamOff    = ioctl.W[int32]('V', 19)
	reqSetParm      = ioctl.WR[streamParm]('V', 22)
	reqGetExtCtrls  = ioctl.WR[extControls]('V', 71)
	reqSetExtCtrls  = ioctl.WR[extControls]('V', 72)
	reqFrameSizes   = ioctl.WR[frameSizeEnum]('V', 74)
	reqQueryExtCtrl = ioctl.WR[queryExtCtrl]('V', 103)
)
