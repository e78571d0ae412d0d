package gpio

//lint:file-ignore U1000 these structs are the kernel's: what we do not read keeps its place

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
		layout.Struct("struct gpiochip_info", chipInfo{}, "name label lines"),
		layout.Struct("struct gpio_v2_line_attribute", lineAttribute{}, "id value=flags"),
		layout.Struct("struct gpio_v2_line_config_attribute", lineConfigAttribute{}, "attr mask"),
		layout.Struct("struct gpio_v2_line_config", lineConfig{}, "flags numAttrs=num_attrs attrs"),
		layout.Struct("struct gpio_v2_line_request", lineRequest{}, "offsets consumer config numLines=num_lines eventBufferSize=event_buffer_size fd"),
		layout.Struct("struct gpio_v2_line_values", lineValues{}, "bits mask"),
		layout.Struct("struct gpio_v2_line_info", lineInfo{}, "name consumer offset numAttrs=num_attrs flags attrs"),
		layout.Struct("struct gpio_v2_line_event", event{}, "timestamp=timestamp_ns id offset number=seqno lineNumber=line_seqno"),
	}, []layout.Number{
		layout.Const("GPIO_GET_CHIPINFO_IOCTL", reqChipInfo), layout.Const("GPIO_V2_GET_LINEINFO_IOCTL", reqLineInfo), layout.Const("GPIO_V2_GET_LINE_IOCTL", reqLine),
		layout.Const("GPIO_V2_LINE_GET_VALUES_IOCTL", reqGetValues), layout.Const("GPIO_V2_LINE_SET_VALUES_IOCTL", reqSetValues),
		layout.Const("GPIO_V2_LINE_FLAG_USED", flagUsed), layout.Const("GPIO_V2_LINE_FLAG_ACTIVE_LOW", flagActiveLow), layout.Const("GPIO_V2_LINE_FLAG_INPUT", flagInput),
		layout.Const("GPIO_V2_LINE_FLAG_OUTPUT", flagOutput), layout.Const("GPIO_V2_LINE_FLAG_EDGE_RISING", flagRising), layout.Const("GPIO_V2_LINE_FLAG_EDGE_FALLING", flagFalling),
		layout.Const("GPIO_V2_LINE_FLAG_BIAS_PULL_UP", flagPullUp), layout.Const("GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN", flagPullDown), layout.Const("GPIO_V2_LINE_FLAG_BIAS_DISABLED", flagNoPull),
		layout.Const("GPIO_V2_LINE_ATTR_ID_DEBOUNCE", attrDebounce), layout.Const("GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES", attrValues), layout.Const("GPIO_V2_LINE_EVENT_RISING_EDGE", edgeRising),
	})
	if size := unsafe.Sizeof(event{}); size != eventBytes {
		t.Errorf("an event is %d bytes, want %d", size, eventBytes)
	}
}
