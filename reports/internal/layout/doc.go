// Package layout writes amounts and tables as text.
package layout
