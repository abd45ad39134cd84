// Package fanout knows the members of a namespace and their rooms, and hands
// each message to all whom it is for. How it does that is a strategy, chosen by
// name, so that strategies can be compared.
//
// A [Hub] is one namespace. Members are added, join rooms, and leave; a message
// goes to one member ([Hub.Emit]) or to an [Audience] ([Hub.Broadcast]). The
// message comes as a frame, the final bytes, and a [Member] is whatever takes
// frames without ever blocking: a session, which writes what the kernel takes at
// once and keeps the rest in its bounded outbox. So no strategy waits for a
// reader, and a slow reader is the affair of its own session.
//
// # What holds for every strategy
//
// A member gets what one caller sends in the order of that caller's calls, direct
// emits and broadcasts alike. A broadcast reaches those who were in its audience
// when it was called: a member that leaves afterwards still gets it, one that
// joins afterwards does not. The first frame of a member is the hello of Add, the
// last one that of Remove. Between concurrent callers there is no order, but each
// message arrives once. One model test runs over all strategies.
//
// A broadcast allocates nothing for a receiver (naive excepted, whose point it
// is), and nothing at all unless its audience has several rooms or exceptions.
// Nothing is delayed in the hope of company: with nothing queued, a message goes
// out at once.
//
// # The strategies
//
//   - naive encodes and frames the message anew for each receiver, on the
//     caller's goroutine. It is what many libraries do, and the baseline.
//   - serial hands one shared frame to each member in turn, on the caller's
//     goroutine, under one lock. Few members on few cores need nothing else, and
//     it is the simplest correct one.
//   - writers does the same, but only puts the frame on the member's outbox and
//     wakes the member's own writer goroutine, which joins what has queued up. The
//     caller is soon free. It pays with a goroutine and a wake-up per member.
//   - sharded spreads the members over as many shards as there are processors.
//     The goroutine of a shard owns its members and delivers one operation after
//     the other. The caller only queues, the processors work side by side, and no
//     lock is held while something is sent.
//   - batched is sharded, with shards of some hundred members. A shard takes all
//     that has queued up, works out what each member is to get, and writes to each
//     member once. The number of writes falls as the load grows, which is the
//     only thing that makes broadcasting cheaper by more than a factor of two.
//
// batched is the one for load. With one message in flight it does what sharded
// does; the others are there to be compared with.
//
// # How the sharded ones work
//
// The index says, as of the last call, who is in the hub, and which shards have
// members of a room; so a small room concerns few shards. A call becomes an
// operation in the queue of each shard that it concerns: joining, leaving, and
// removal as well as messages. A shard executes its operations in the order of
// the queue, and keeps its own lists of members that follow the index with the
// same delay as the messages. Hence order and membership need no further care:
//
//	caller     Join(a)   Broadcast(x)   Leave(a)   Broadcast(y)
//	index      a in      -              a out      -
//	queue   -> join a    send x         leave a    send y      -> lists, deliveries
//
// Who executes is whoever has taken the shard: its goroutine, or the caller
// itself when the shard is idle and the audience small. A direct emit to a member
// of a shard that owes nothing passes the queue by altogether.
//
// A queue is bounded in operations and bytes. Whoever fills it waits, holding no
// lock, until the shard has caught up. That is safe because a shard never waits
// for anybody, and it slows down just the one who sends too much.
package fanout
