package v4l2

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Identifiers of controls that decide whether two pictures of one part look the same
// (include/uapi/linux/v4l2-controls.h).
const (
	CtrlAutoWhiteBalance = 0x0098090c
	CtrlRedBalance       = 0x0098090e
	CtrlBlueBalance      = 0x0098090f
	CtrlExposure         = 0x00980911
	CtrlAutoGain         = 0x00980912
	CtrlGain             = 0x00980913
	CtrlPowerLine        = 0x00980918
	CtrlHueAuto          = 0x00980919
	CtrlWhiteTemperature = 0x0098091a
	CtrlBacklight        = 0x0098091c
	CtrlAutoBrightness   = 0x00980920
	CtrlExposureAuto     = 0x009a0901
	CtrlExposureAbsolute = 0x009a0902
	CtrlExposurePriority = 0x009a0903
	CtrlFocusAbsolute    = 0x009a090a
	CtrlFocusAuto        = 0x009a090c
	CtrlWideDynamicRange = 0x009a0915
	CtrlISO              = 0x009a0917
	CtrlISOAuto          = 0x009a0918
	CtrlAnalogueGain     = 0x009e0903
	CtrlDigitalGain      = 0x009f0905
	ExposureManual       = 1 // a value of CtrlExposureAuto
	typeInteger          = 1
	typeBoolean          = 2
	typeMenu             = 3
	typeButton           = 4
	typeInteger64        = 5
	typeIntegerMenu      = 9
)

// Control is a setting of a device.
type Control struct {
	ID                      uint32
	Name                    string
	Min, Max, Step, Default int64
	Button                  bool // setting it does something; it has no value
	ReadOnly                bool
	Inactive                bool // of no effect while another control, such as an automatic, is on
	Volatile                bool // changed by the device itself
	wide                    bool
}

// Controls are the settings of the device that hold one number.
func (d *Device) Controls() ([]Control, error) {
	var all []Control
	for id := uint32(0); len(all) < 1024; {
		q := queryExtCtrl{id: id | controlNext}
		err := do(d, "list controls", reqQueryExtCtrl, &q)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			break
		}
		if err != nil {
			return nil, err
		}
		if q.id <= id {
			break // a driver that does not move on
		}
		id = q.id
		if c, ok := q.control(); ok {
			all = append(all, c)
		}
	}
	return all, nil
}

func (q *queryExtCtrl) control() (Control, bool) {
	switch q.kind {
	case typeInteger, typeBoolean, typeMenu, typeButton, typeInteger64, typeIntegerMenu:
	default:
		return Control{}, false
	}
	if q.flags&controlDisabled != 0 || q.dims != 0 {
		return Control{}, false
	}
	return Control{
		ID: q.id, Name: text(q.name[:]), Min: q.minimum, Max: q.maximum, Step: int64(q.step), Default: q.standard,
		Button: q.kind == typeButton, ReadOnly: q.flags&controlReadOnly != 0, Inactive: q.flags&controlInactive != 0,
		Volatile: q.flags&controlVolatile != 0, wide: q.kind == typeInteger64,
	}, true
}

// Get is the value of a control now.
func (d *Device) Get(c Control) (int64, error) {
	x := extControl{id: c.ID}
	if err := do(d, fmt.Sprintf("read %q", c.Name), reqGetExtCtrls, &extControls{count: 1, controls: &x}); err != nil {
		return 0, err
	}
	if c.wide {
		return int64(x.value[0]) | int64(x.value[1])<<32, nil
	}
	return int64(int32(x.value[0])), nil
}

// Set changes a control. Drivers may round or ignore what they are told: Get says what is.
func (d *Device) Set(c Control, v int64) error {
	x := extControl{id: c.ID, value: [2]uint32{uint32(v), uint32(v >> 32)}}
	return do(d, fmt.Sprintf("set %q to %d", c.Name, v), reqSetExtCtrls, &extControls{count: 1, controls: &x})
}
