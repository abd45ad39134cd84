// Package recorded reads and writes recorded logs of messages: CSV with a line of column names, one
// row a message, in order of time.
//
//	time    RFC 3339, or seconds from any beginning; all rows alike
//	user    who sent it
//	room    the room that it was sent to; empty: none
//	event   the name of its event or operation
//	size    bytes of its payload
//	body    the payload itself, a text; instead of size
//
// Only time is required, and the order of the columns is free. A log is read row by row, so its
// length is bounded by nothing; a row is bounded by MaxRow.
package recorded
