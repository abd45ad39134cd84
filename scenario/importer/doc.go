// Package importer turns files of other programs into scenarios: test scripts of Artillery for
// Socket.IO and plain websockets, and recordings of browsers (HAR). What a scenario cannot say is
// listed by line, with the reason.
package importer
