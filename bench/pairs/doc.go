// Command pairs shows what throng compare --live finds in two builds of a server of which one takes
// more CPU time for each delivery, and what it says about two equal ones.
//
// Both builds are this program: the built-in server's benchmark contract, and in the planted build
// a busy loop beside each broadcast that takes a given share of the CPU time that the process has
// used otherwise. The share is planted in CPU time of the thread, not by the clock, so that it is
// the same on a busy machine.
//
// Each round compares the planted build with the other one, and two equal ones, with the condition
// cpu(delivery) > +5%. The planted change is found where the condition fails. The equal builds are
// flagged where any metric is called better or worse. Every round is a line of pairs.jsonl;
// pairs.txt sums up all lines there are.
//
//	go run ./bench/pairs --rounds 20 --budget 3m --out bench/results
package main
