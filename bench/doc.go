// Package bench holds measurements and checks from outside the packages: the import directions of
// the whole tree (imports_test.go), the official clients against the built-in server and the
// built-in clients against the official server (interop), foreign servers that offer the benchmark
// contract (peers), and the cost of a delivery compared with them (fanout, floor).
package bench
