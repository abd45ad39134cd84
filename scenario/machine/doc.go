// Package machine reports the limits of the generator's machine before a run needs them.
//
// [ReadLimits] reads the limits on the number of clients: file descriptors, local ports, memory.
// [Shortages] compares a scenario with them (need.go); the runner refuses to start a scenario with
// shortages, and `throng check` reports them. [Read] adds facts that help to interpret a
// measurement: processor, clock, queues and buffers of TCP (facts.go). [Measure] finds the floor:
// how late the machine wakes a sleeper, and how long a message takes over loopback (floor.go).
// [Examine] puts facts and floor into words, each with what it means and what to do when it is low
// (examine.go). A [Yardstick] times a fixed piece of work during a trial (yardstick.go). The facts
// are read below a root folder, so that tests can imitate any machine; facts that a system does not
// report stay zero.
//
// [Precise] and [Sleep] are how the runner waits for the due time of a message,
// kept here so that the floor is measured in the same way.
package machine
