// Command league measures Socket.IO servers by the same scenarios, in turn, and ranks them.
//
//	go run ./bench/league --quick            two contests, five minutes
//	go run ./bench/league                    all, within an hour, into bench/results/league
//	go run ./bench/league --peers node,zishang --contests echo --rounds 6 --out ""
//
// A server is a folder of bench/peers with a league.yaml (peer.go) that says how it is built and
// started; all offer the benchmark contract of bench/peers/node. A contest is a scenario and a
// transport (contest.go). In each round each server runs each contest once, in a process of its
// own, in an order that is drawn anew: what changes in the machine meets all alike, and the values
// of a round are compared with one another (rank.go). A trial that the generator's own health makes
// invalid is repeated once and then left out.
//
// Servers and generator share the machine. Ratios within a contest can be compared, absolute
// figures of two leagues cannot.
package main
