// Command generator measures what the load generator itself costs, since what it takes is not the
// server's to give:
//
//   - the memory in which `throng run` holds 8 000 websocket clients, without a flow and waiting in one (target: 5 KiB for
//     a client more),
//   - the processor time with which it receives, counts and times a delivery, beside a bare reader: the same number of
//     connections to the same server, one goroutine each, that reads the same frames and does nothing but count them
//     (target: 1.3 times), and
//   - the processor time of an echo, in a closed loop (target: 1.3 times) and at a pace (1.1 times), beside the same
//     bare clients, which write a ready frame, in the closed loop as soon as one has come, else in turn on a thread
//     that sleeps as the runner's does.
//
// They take turns against one server, and the median of the ratios counts.
//
//	make bench-generator
//	go run ./bench/generator --repeats 3 --cases closed,paced     only the echoes
//	go run ./bench/generator --binary /tmp/throng-of-yesterday    of another build
//
// On a machine with other work give it priority, as the paced cases need it (chrt -r 1).
package main
