// Package stamp writes the stamp that each message of a stream carries (its sender, its number and
// when it was due) and finds it again in the message that a server delivers, without decoding the
// message.
package stamp
