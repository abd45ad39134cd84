// Command chaos lets faults happen to running load, and holds what users of Throng rely on
// then: the ledger adds up, nothing leaks, and the verdict is right.
//
// Every workload (broadcast, rooms, echo, recovery, cluster, fleet) meets every fault that can
// happen to it: a network that is slow, jitters, is narrow, resets connections or leaves them
// half open, and a server, an agent or a broker that stands still (SIGSTOP) or is killed
// (SIGKILL). A cell is one workload under one fault: the throng program itself runs a small
// scenario against servers of `throng serve`. What a user can write into a scenario is its
// `fault:`; what nobody orders comes by signals from outside. What is expected of a cell is a
// row of the table in expect_linux.go.
//
//	go run ./bench/chaos                                all cells, within 20 minutes
//	go run ./bench/chaos --quick                         each fault once, within two minutes
//	go run ./bench/chaos --workloads rooms,fleet --faults reset
//	go run ./bench/chaos --update                        all, and the table in scenarios/README.md
//
// A machine with other work may keep the generator from its schedule. Such a trial is
// repeated; when it says nothing again, its cell is not decided, which is not a pass. The exit
// code is 1 when anything is wrong or not decided.
package main
