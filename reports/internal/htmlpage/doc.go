// Package htmlpage holds the page of a report: its template, and the files of its figures.
package htmlpage
