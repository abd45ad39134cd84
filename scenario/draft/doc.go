// Package draft turns the traffic of Socket.IO clients into a scenario: an Observer takes in what
// clients and server say to each other, packet by packet, and writes a recorded log of the messages
// and scenario files with the contract, the groups and the rates that it has seen.
//
// It keeps what it needs for that and no more. A log has the names of users that the observer makes
// up, rooms, events and sizes, never texts. A scenario has the parts of messages that were alike in
// all of them; values that differ, and values of keys such as token or password, are replaced. The
// values of auth, query and headers are never kept.
package draft
