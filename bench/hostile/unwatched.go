//go:build !race

package main

// watched by the race detector.
const watched = false
