// Package stats holds the statistics of a comparison: the Mann-Whitney test, the correction after
// Holm and the confidence interval of a change.
package stats
