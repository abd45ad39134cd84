// Command starve shows what the verdict says when the generator is starved.
//
// A server on one processor delays each broadcast by a drawn time and notes how long it really
// took: the truth. The scenario runner, on another processor, measures the same broadcasts with its
// default rules, while random load competes with it there: busy loops, bursts of them, or stops of
// the runner itself. A run must never pass with a p99 that is off the truth by more than a fifth
// and more than a millisecond, the floor. Runs without competing load must never be invalid; that
// only says something on a quiet machine.
//
//	go run ./bench/starve --runs 200
package main
