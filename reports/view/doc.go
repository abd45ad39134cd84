// Package view serves the results below a directory to a browser: a list, the report of each run,
// and comparisons.
package view
