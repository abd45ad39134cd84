// Package machine tells what the machine under a generator can do, before it is
// asked to.
//
// [ReadLimits] reads what bounds the number of clients: file descriptors, local
// ports, memory. [Shortages] holds a scenario against them (need.go); the runner
// refuses to start, and `throng check` to promise, what falls short. [Read] adds
// what a reader of a measurement wants to know about the machine: processor, clock,
// queues and buffers of TCP (facts.go). [Measure] finds the floor: how late the
// machine wakes a sleeper, and how long a message takes over loopback (floor.go).
// [Examine] puts facts and floor into words, each with what it means and what to
// do when it is low (examine.go). The facts are read below a root folder, so that
// tests can stand for any machine; what a system does not tell is left at zero.
//
// [Precise] and [Sleep] are how the runner waits for the due time of a message,
// kept here so that the floor is measured in the same way.
package machine
