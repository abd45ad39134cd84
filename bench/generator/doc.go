// Command generator measures what the load generator itself costs, since what it takes is not the
// server's to give:
//
//   - the memory in which `throng run` holds 18 000 websocket clients (target: 300 MiB), and
//   - the processor time with which it receives, counts and times a delivery, beside a bare reader: the same number of
//     connections to the same server, one goroutine each, that reads the same frames and does nothing but count them
//     (target: 1.3 times).
//
// Both take turns against one server, and the median of the repeats counts.
//
//	make bench-generator
//	go run ./bench/generator --repeats 3 --hold 0      only the processor time
package main
