package gpio

import (
	"testing"
	"unsafe"

	"github.com/secateur/secateur/device/internal/layout"
)

// event is gpio_v2_line_event, which events.decode reads from bytes.
type event struct {
	timestamp                      uint64
	id, offset, number, lineNumber uint32
	_                              [6]uint32
}

func TestLayout(t *testing.T) {
	layout.Check(t, "linux/gpio.h", []layout.Pair{
		{"struct gpiochip_info", chipInfo{}, "name label lines"},
		{"struct gpio_v2_line_attribute", lineAttribute{}, "id value=flags"},
		{"struct gpio_v2_line_config_attribute", lineConfigAttribute{}, "attr mask"},
		{"struct gpio_v2_line_config", lineConfig{}, "flags numAttrs=num_attrs attrs"},
		{"struct gpio_v2_line_request", lineRequest{}, "offsets consumer config numLines=num_lines eventBufferSize=event_buffer_size fd"},
		{"struct gpio_v2_line_values", lineValues{}, "bits mask"},
		{"struct gpio_v2_line_info", lineInfo{}, "name consumer offset numAttrs=num_attrs flags attrs"},
		{"struct gpio_v2_line_event", event{}, "timestamp=timestamp_ns id offset number=seqno lineNumber=line_seqno"},
	}, []layout.Number{
		{"GPIO_GET_CHIPINFO_IOCTL", reqChipInfo}, {"GPIO_V2_GET_LINEINFO_IOCTL", reqLineInfo}, {"GPIO_V2_GET_LINE_IOCTL", reqLine},
		{"GPIO_V2_LINE_GET_VALUES_IOCTL", reqGetValues}, {"GPIO_V2_LINE_SET_VALUES_IOCTL", reqSetValues},
		{"GPIO_V2_LINE_FLAG_USED", flagUsed}, {"GPIO_V2_LINE_FLAG_ACTIVE_LOW", flagActiveLow}, {"GPIO_V2_LINE_FLAG_INPUT", flagInput},
		{"GPIO_V2_LINE_FLAG_OUTPUT", flagOutput}, {"GPIO_V2_LINE_FLAG_EDGE_RISING", flagRising}, {"GPIO_V2_LINE_FLAG_EDGE_FALLING", flagFalling},
		{"GPIO_V2_LINE_FLAG_BIAS_PULL_UP", flagPullUp}, {"GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN", flagPullDown}, {"GPIO_V2_LINE_FLAG_BIAS_DISABLED", flagNoPull},
		{"GPIO_V2_LINE_ATTR_ID_DEBOUNCE", attrDebounce}, {"GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES", attrValues}, {"GPIO_V2_LINE_EVENT_RISING_EDGE", edgeRising},
	})
	if size := unsafe.Sizeof(event{}); size != eventBytes {
		t.Errorf("an event is %d bytes, want %d", size, eventBytes)
	}
}
