package client

import "time"

// start is the zero of the package clock.
var start = time.Now()

// Now reads the clock that stamps every received message: the monotonic time
// since the process loaded this package. It never jumps, so the time a message
// was due and the time it arrived can be subtracted whatever the wall clock does.
func Now() time.Duration { return time.Since(start) }
