// Package reporttest holds sample results and helpers for the tests of reports.
package reporttest
