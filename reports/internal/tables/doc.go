// Package tables builds the tables of a report.
package tables
