// Package export writes results for other programs: CSV, Markdown, JUnit XML and OpenMetrics.
package export
