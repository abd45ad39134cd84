// Package selection chooses from a result what a report shows: groups of trials, the percentiles
// with enough samples, medians over trials, ranks. It returns values and writes no text.
package selection
