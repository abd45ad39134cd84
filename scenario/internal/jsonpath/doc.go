// Package jsonpath finds values in JSON by the paths of RFC 9535, and compares and writes them. All
// paths of scenario files are evaluated here: where they lead is the same for a stamp, a match and
// a capture.
package jsonpath
