package machine

import (
	"runtime"
	"sync"
)

// Precise makes the calling goroutine fit for pacing until restore is called on it: a
// thread of its own with the finest timers of the system. Where [Sleep] holds a place
// of the runtime all the time, the others get one more.
func Precise() (restore func()) {
	runtime.LockOSThread()
	fineTimers()
	places(1)
	// The thread keeps its timers and is not given back: it ends with the goroutine.
	return func() { places(-1) }
}

var placesMu sync.Mutex

// places changes how many goroutines may run at once. Changes add up, so that the
// order in which several runs end does not matter.
func places(by int) {
	if !holdsPlace {
		return
	}
	placesMu.Lock()
	defer placesMu.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + by)
}
