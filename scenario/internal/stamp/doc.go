// Package stamp is what a message of a stream carries, so that its receiver can tell whose it is,
// which, and when it was due; and finding that again in what a server made of the message, without
// decoding it.
package stamp
