// Package sentences writes the sentences of a report: the verdict of a cell or a matrix, the
// ledger, the warnings.
package sentences
