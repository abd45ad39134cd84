//go:build !linux

package machine

import "time"

const holdsPlace = false

func fineTimers() {}

// Sleep is as precise as the runtime's timers: about a millisecond.
func Sleep(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the pacer turns sleeps into a schedule
}
