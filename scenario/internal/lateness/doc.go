// Package lateness measures how late the generator reads messages that have reached its sockets.
//
// Where the kernel notes when bytes reach a socket, an [Arrival] says how long each message waited.
// Where it does not, a [Probe] samples it: something for this process to read that becomes readable
// at known times.
//
// Other signals were considered and left out, not measured. The run-queue delay of the threads in
// /proc/self/task/*/schedstat is a sum for each thread: it shows neither which message waited nor
// how long one wait was, and it counts waits of threads that had nothing to read. A goroutine that
// wakes on a schedule is late by the runtime's timers, which says nothing of a socket.
package lateness
