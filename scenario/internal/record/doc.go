// Package record keeps what the clients of a trial measure while it runs: latencies, by [Series]
// and by the phase in which the operation was due, and errors, by class and second. Any goroutine
// may add; one drains.
package record
