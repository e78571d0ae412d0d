package v4l2

import (
	"testing"

	"github.com/secateur/secateur/device/internal/layout"
)

func TestLayout(t *testing.T) {
	const head = "index kind=type bytesUsed=bytesused flags field seconds=timestamp timeCode=timecode sequence memory "
	layout.Check(t, "linux/videodev2.h", []layout.Pair{
		layout.Struct("struct v4l2_capability", capability{}, "driver card busInfo=bus_info version capabilities deviceCaps=device_caps"),
		layout.Struct("struct v4l2_fmtdesc", fmtDesc{}, "index kind=type flags description pixelFormat=pixelformat"),
		layout.Struct("struct v4l2_frmsizeenum", frameSizeEnum{}, "index pixelFormat=pixel_format kind=type size=discrete"),
		layout.Struct("struct v4l2_format", format{}, "kind=type pix=fmt"),
		layout.Struct("struct v4l2_format", formatMPlane{}, "kind=type pix=fmt"),
		layout.Struct("struct v4l2_pix_format", pixFormat{}, "width height pixelFormat=pixelformat field bytesPerLine=bytesperline sizeImage=sizeimage colorSpace=colorspace encoding=ycbcr_enc quantization transfer=xfer_func"),
		layout.Struct("struct v4l2_plane_pix_format", planePixFormat{}, "sizeImage=sizeimage bytesPerLine=bytesperline"),
		layout.Struct("struct v4l2_pix_format_mplane", pixFormatMPlane{}, "width height pixelFormat=pixelformat field colorSpace=colorspace planes=plane_fmt numPlanes=num_planes flags encoding=ycbcr_enc quantization transfer=xfer_func"),
		layout.Struct("struct v4l2_streamparm", streamParm{}, "kind=type capability=parm.capture.capability captureMode=parm.capture.capturemode timePerFrame=parm.capture.timeperframe readBuffers=parm.capture.readbuffers"),
		layout.Struct("struct v4l2_requestbuffers", requestBuffers{}, "count kind=type memory capabilities"),
		layout.Struct("struct v4l2_buffer", buffer{}, head+"offset=m.offset length requestFD=request_fd"),
		layout.Struct("struct v4l2_buffer", bufferMPlane{}, head+"planes=m.planes length requestFD=request_fd"),
		layout.Struct("struct v4l2_plane", plane{}, "bytesUsed=bytesused length offset=m.mem_offset dataOffset=data_offset"),
		layout.Struct("struct v4l2_query_ext_ctrl", queryExtCtrl{}, "id kind=type name minimum maximum step standard=default_value flags elemSize=elem_size elems dims=nr_of_dims dim=dims"),
		layout.Struct("struct v4l2_ext_control", extControl{}, "id size value=value64"),
		layout.Struct("struct v4l2_ext_controls", extControls{}, "which count errorIdx=error_idx requestFD=request_fd controls"),
	}, []layout.Number{
		layout.Const("VIDIOC_QUERYCAP", reqQueryCap), layout.Const("VIDIOC_ENUM_FMT", reqEnumFmt), layout.Const("VIDIOC_S_FMT", reqSetFmt),
		layout.Const("VIDIOC_REQBUFS", reqReqBufs), layout.Const("VIDIOC_QUERYBUF", reqQueryBuf), layout.Const("VIDIOC_QBUF", reqQBuf), layout.Const("VIDIOC_DQBUF", reqDQBuf),
		layout.Const("VIDIOC_STREAMON", reqStreamOn), layout.Const("VIDIOC_STREAMOFF", reqStreamOff), layout.Const("VIDIOC_S_PARM", reqSetParm),
		layout.Const("VIDIOC_G_EXT_CTRLS", reqGetExtCtrls), layout.Const("VIDIOC_S_EXT_CTRLS", reqSetExtCtrls), layout.Const("VIDIOC_ENUM_FRAMESIZES", reqFrameSizes),
		layout.Const("VIDIOC_QUERY_EXT_CTRL", reqQueryExtCtrl),
		layout.Const("V4L2_BUF_TYPE_VIDEO_CAPTURE", typeCapture), layout.Const("V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE", typeCaptureMPlane),
		layout.Const("V4L2_BUF_FLAG_ERROR", bufferError), layout.Const("V4L2_BUF_FLAG_TIMESTAMP_MASK", timestampMask), layout.Const("V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC", timestampMonoton),
		layout.Const("V4L2_CTRL_FLAG_INACTIVE", controlInactive), layout.Const("V4L2_CTRL_FLAG_VOLATILE", controlVolatile), layout.Const("V4L2_CTRL_FLAG_NEXT_CTRL", controlNext),
		layout.Const("V4L2_CID_AUTO_WHITE_BALANCE", CtrlAutoWhiteBalance), layout.Const("V4L2_CID_RED_BALANCE", CtrlRedBalance), layout.Const("V4L2_CID_BLUE_BALANCE", CtrlBlueBalance),
		layout.Const("V4L2_CID_EXPOSURE", CtrlExposure), layout.Const("V4L2_CID_AUTOGAIN", CtrlAutoGain), layout.Const("V4L2_CID_GAIN", CtrlGain), layout.Const("V4L2_CID_POWER_LINE_FREQUENCY", CtrlPowerLine),
		layout.Const("V4L2_CID_HUE_AUTO", CtrlHueAuto), layout.Const("V4L2_CID_WHITE_BALANCE_TEMPERATURE", CtrlWhiteTemperature), layout.Const("V4L2_CID_BACKLIGHT_COMPENSATION", CtrlBacklight),
		layout.Const("V4L2_CID_AUTOBRIGHTNESS", CtrlAutoBrightness), layout.Const("V4L2_CID_EXPOSURE_AUTO", CtrlExposureAuto), layout.Const("V4L2_CID_EXPOSURE_ABSOLUTE", CtrlExposureAbsolute),
		layout.Const("V4L2_CID_EXPOSURE_AUTO_PRIORITY", CtrlExposurePriority), layout.Const("V4L2_CID_FOCUS_ABSOLUTE", CtrlFocusAbsolute), layout.Const("V4L2_CID_FOCUS_AUTO", CtrlFocusAuto),
		layout.Const("V4L2_CID_WIDE_DYNAMIC_RANGE", CtrlWideDynamicRange), layout.Const("V4L2_CID_ISO_SENSITIVITY", CtrlISO), layout.Const("V4L2_CID_ISO_SENSITIVITY_AUTO", CtrlISOAuto),
		layout.Const("V4L2_CID_ANALOGUE_GAIN", CtrlAnalogueGain), layout.Const("V4L2_CID_DIGITAL_GAIN", CtrlDigitalGain), layout.Const("V4L2_EXPOSURE_MANUAL", ExposureManual),
	})
}
