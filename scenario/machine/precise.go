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
	by := 0
	if holdsPlace {
		by = 1
	}
	// The thread keeps its timers and is not given back: it ends with the goroutine.
	return Places(by)
}

var placesMu sync.Mutex

// Places lets so many more goroutines run at once until restore is called: for those that must not
// wait for others. Changes add up, so that the order in which several end does not matter.
func Places(by int) (restore func()) {
	change := func(by int) {
		placesMu.Lock()
		defer placesMu.Unlock()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + by)
	}
	if by == 0 {
		return func() {}
	}
	change(by)
	return func() { change(-by) }
}
