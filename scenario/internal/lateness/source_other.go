//go:build !linux

package lateness

import "time"

func watched(time.Duration, func() int64, func(int, func()) bool, func(at, late int64)) *Probe {
	return nil
}

func open(every time.Duration, now func() int64) (source, error) { return openLoopback(every, now) }
