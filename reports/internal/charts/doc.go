// Package charts builds the figures of a report as data.
package charts
