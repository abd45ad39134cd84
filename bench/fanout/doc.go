// Command fanout measures what a delivery costs the built-in server, side by side with the official
// server on Node.js and with the floor (bench/floor: one raw write per message and receiver).
//
//	go run ./bench/fanout --quick      the first case in under 40 seconds; one line of JSON
//	make bench-fanout                  all cases; text and JSON lines in bench/results
//	make bench-fanout ARGS=--figure    figures of what is there, without measuring
//
//	go run ./bench/fanout --cases push,generators
//	                                   pushing to one client, beside servers of Python too; other load
//	                                   generators beside ours (k6, Artillery)
//
// Every server runs as its users run it, pinned to one processor; the generator (internal/load) is
// pinned to another, in a process of its own: this program started again as "fanout generator". The
// servers of a case stay up side by side and take turns, so that whatever else the machine does
// meets all of them alike, and the median of the repeats counts. Costs are processor time of the
// server's process, user and system, between two moments with nothing in flight, divided by what
// was delivered between them; every delivery is accounted for, or the run fails. The time of the
// machine itself drifts, so figures of one run are compared with each other, never with figures of
// another run.
package main
