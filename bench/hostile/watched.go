//go:build race

package main

// watched: the race detector keeps what it has noted of memory that was given back, so that
// resident memory does not fall again.
const watched = true
