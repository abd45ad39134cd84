// Package record keeps the measurements of a running trial's clients: latencies, by [Series] and by
// the phase in which the operation was due, and errors, by class and second. Any goroutine may add;
// one drains.
package record
