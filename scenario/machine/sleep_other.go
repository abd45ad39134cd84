//go:build !linux

package scenario

import "time"

const holdsPlace = false

func fineTimers() {}

// sleepThread is as precise as the runtime's timers: about a millisecond.
func sleepThread(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the pacer is what makes a schedule out of sleeps
}
