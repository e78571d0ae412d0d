package train

import "github.com/secateur/secateur/device/thermal"

// celsius is the temperature of the box, 0 where it cannot be read.
func celsius() float64 { return thermal.Celsius("/") }
