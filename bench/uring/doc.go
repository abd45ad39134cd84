// Command uring measures whether io_uring makes a broadcast cheaper in Go: a round that writes one
// small frame to each of many TCP connections on loopback, by a loop of sendto as the server has
// it, and by io_uring with one system call for many.
//
//	go run ./bench/uring                                500, 1 000 and 5 000 sockets
//	go run ./bench/uring --sockets 5000 --batch 1024    submissions of 1 024 sends
//
// Rings are used by raw system calls, without a library, in each way that could pay: sends by
// themselves or linked to chains, descriptors that the kernel looks up or registered ones, results
// for all sends or only for those that fail, the kernel's own thread for submissions. The ways take
// turns on the same sockets, so that ratios hold on a machine with other work. The receiver is this
// program again, on another processor; every byte must have arrived before the next round begins,
// or the run fails.
//
// The cost is processor time of this process, the kernel's threads of the ring included, from
// before a round to after it, divided by the sockets. That is not all: on loopback the receiving
// half of TCP runs in the sender's system call, but a long one is relieved of it by ksoftirqd,
// whose time is nobody's. So that time is shown as well, with the packets that found its queue
// full.
//
// Linux only.
package main
