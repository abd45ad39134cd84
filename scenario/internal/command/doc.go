// Package command runs commands of the user's, each in a process group of its own. What such a
// command leaves running in the background lives until the [Set] is closed, and its output is
// bounded.
package command
