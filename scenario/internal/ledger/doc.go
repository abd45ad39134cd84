// Package ledger accounts for every message of one trial: for each pair of a message and a receiver
// that it was for, exactly one of received, late, lost and undecided.
//
// A [Book] holds the messages of one stream. Each has a [Slot] with a bit for every member that its
// [Audience] had when it was emitted. A delivery finds its slot by the sequence in its stamp and
// sets its receiver's bit, without a lock. In the end, or when the ledger has grown over its
// budget, slots become a [Row] for each second, phase, class of receivers and room size.
//
// A trial whose clients are in several processes has a ledger in each, of the receivers there: a
// [Fleet]. What happens to them is queued and replayed in order of time together with the messages
// that the others announce, so that a message is for the members of the moment when it was sent,
// and the rows of all ledgers add up to those of one.
package ledger
