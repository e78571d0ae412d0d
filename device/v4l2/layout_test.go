package v4l2

import (
	"testing"

	"github.com/secateur/secateur/device/internal/layout"
)

func TestLayout(t *testing.T) {
	const head = "index kind=type bytesUsed=bytesused flags field seconds=timestamp timeCode=timecode sequence memory "
	layout.Check(t, "linux/videodev2.h", []layout.Pair{
		{"struct v4l2_capability", capability{}, "driver card busInfo=bus_info version capabilities deviceCaps=device_caps"},
		{"struct v4l2_fmtdesc", fmtDesc{}, "index kind=type flags description pixelFormat=pixelformat"},
		{"struct v4l2_frmsizeenum", frameSizeEnum{}, "index pixelFormat=pixel_format kind=type size=discrete"},
		{"struct v4l2_format", format{}, "kind=type pix=fmt"},
		{"struct v4l2_format", formatMPlane{}, "kind=type pix=fmt"},
		{"struct v4l2_pix_format", pixFormat{}, "width height pixelFormat=pixelformat field bytesPerLine=bytesperline sizeImage=sizeimage colorSpace=colorspace encoding=ycbcr_enc quantization transfer=xfer_func"},
		{"struct v4l2_plane_pix_format", planePixFormat{}, "sizeImage=sizeimage bytesPerLine=bytesperline"},
		{"struct v4l2_pix_format_mplane", pixFormatMPlane{}, "width height pixelFormat=pixelformat field colorSpace=colorspace planes=plane_fmt numPlanes=num_planes flags encoding=ycbcr_enc quantization transfer=xfer_func"},
		{"struct v4l2_streamparm", streamParm{}, "kind=type capability=parm.capture.capability captureMode=parm.capture.capturemode timePerFrame=parm.capture.timeperframe readBuffers=parm.capture.readbuffers"},
		{"struct v4l2_requestbuffers", requestBuffers{}, "count kind=type memory capabilities"},
		{"struct v4l2_buffer", buffer{}, head + "offset=m.offset length requestFD=request_fd"},
		{"struct v4l2_buffer", bufferMPlane{}, head + "planes=m.planes length requestFD=request_fd"},
		{"struct v4l2_plane", plane{}, "bytesUsed=bytesused length offset=m.mem_offset dataOffset=data_offset"},
		{"struct v4l2_query_ext_ctrl", queryExtCtrl{}, "id kind=type name minimum maximum step standard=default_value flags elemSize=elem_size elems dims=nr_of_dims dim=dims"},
		{"struct v4l2_ext_control", extControl{}, "id size value=value64"},
		{"struct v4l2_ext_controls", extControls{}, "which count errorIdx=error_idx requestFD=request_fd controls"},
	}, []layout.Number{
		{"VIDIOC_QUERYCAP", reqQueryCap}, {"VIDIOC_ENUM_FMT", reqEnumFmt}, {"VIDIOC_S_FMT", reqSetFmt},
		{"VIDIOC_REQBUFS", reqReqBufs}, {"VIDIOC_QUERYBUF", reqQueryBuf}, {"VIDIOC_QBUF", reqQBuf}, {"VIDIOC_DQBUF", reqDQBuf},
		{"VIDIOC_STREAMON", reqStreamOn}, {"VIDIOC_STREAMOFF", reqStreamOff}, {"VIDIOC_S_PARM", reqSetParm},
		{"VIDIOC_G_EXT_CTRLS", reqGetExtCtrls}, {"VIDIOC_S_EXT_CTRLS", reqSetExtCtrls}, {"VIDIOC_ENUM_FRAMESIZES", reqFrameSizes},
		{"VIDIOC_QUERY_EXT_CTRL", reqQueryExtCtrl},
		{"V4L2_BUF_TYPE_VIDEO_CAPTURE", typeCapture}, {"V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE", typeCaptureMPlane},
		{"V4L2_BUF_FLAG_ERROR", bufferError}, {"V4L2_BUF_FLAG_TIMESTAMP_MASK", timestampMask}, {"V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC", timestampMonoton},
		{"V4L2_CTRL_FLAG_INACTIVE", controlInactive}, {"V4L2_CTRL_FLAG_VOLATILE", controlVolatile}, {"V4L2_CTRL_FLAG_NEXT_CTRL", controlNext},
		{"V4L2_CID_AUTO_WHITE_BALANCE", CtrlAutoWhiteBalance}, {"V4L2_CID_RED_BALANCE", CtrlRedBalance}, {"V4L2_CID_BLUE_BALANCE", CtrlBlueBalance},
		{"V4L2_CID_EXPOSURE", CtrlExposure}, {"V4L2_CID_AUTOGAIN", CtrlAutoGain}, {"V4L2_CID_GAIN", CtrlGain}, {"V4L2_CID_POWER_LINE_FREQUENCY", CtrlPowerLine},
		{"V4L2_CID_HUE_AUTO", CtrlHueAuto}, {"V4L2_CID_WHITE_BALANCE_TEMPERATURE", CtrlWhiteTemperature}, {"V4L2_CID_BACKLIGHT_COMPENSATION", CtrlBacklight},
		{"V4L2_CID_AUTOBRIGHTNESS", CtrlAutoBrightness}, {"V4L2_CID_EXPOSURE_AUTO", CtrlExposureAuto}, {"V4L2_CID_EXPOSURE_ABSOLUTE", CtrlExposureAbsolute},
		{"V4L2_CID_EXPOSURE_AUTO_PRIORITY", CtrlExposurePriority}, {"V4L2_CID_FOCUS_ABSOLUTE", CtrlFocusAbsolute}, {"V4L2_CID_FOCUS_AUTO", CtrlFocusAuto},
		{"V4L2_CID_WIDE_DYNAMIC_RANGE", CtrlWideDynamicRange}, {"V4L2_CID_ISO_SENSITIVITY", CtrlISO}, {"V4L2_CID_ISO_SENSITIVITY_AUTO", CtrlISOAuto},
		{"V4L2_CID_ANALOGUE_GAIN", CtrlAnalogueGain}, {"V4L2_CID_DIGITAL_GAIN", CtrlDigitalGain}, {"V4L2_EXPOSURE_MANUAL", ExposureManual},
	})
}
