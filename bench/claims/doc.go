// Command claims measures what introductions to Socket.IO say, one scenario for each sentence, and
// writes bench/claims.md with the figures.
//
//	go run ./bench/claims                    all, about a quarter of an hour
//	go run ./bench/claims --only headers     one, to the screen
//
// Each scenario is a matrix of the alternatives that the sentence compares, run in turn, and can be
// run by itself: throng run bench/claims/scenarios/headers.yaml. A claim (claims.go) says what of a
// trial is compared, and when the sentence is true: a number that is written down before anything
// is measured.
package main
