// Package fanout knows the members of a namespace and their rooms, and delivers each message to its
// audience. How it does that is a strategy, chosen by name, so that strategies can be compared.
//
// A [Hub] is one namespace. Members are added, join rooms, and leave; a message goes to one member
// ([Hub.Emit]) or to an [Audience] ([Hub.Broadcast]). The message comes as a frame, the final
// bytes, and goes to the outlet of each [Member], which never blocks: it writes what the kernel
// takes at once, and its session keeps the rest in its bounded outbox. So no strategy waits for a
// reader, and a slow reader is the affair of its own session.
//
// # Guarantees of every strategy
//
// A member gets the messages of one caller in the order of the calls, direct emits and broadcasts
// alike. A broadcast reaches the members that were in its audience when it was called: a member
// that leaves afterwards still gets it, one that joins afterwards does not. The first frame of a
// member is the one of Add, the last one Remove's. Between concurrent callers there is no order,
// but each message arrives once. One model test runs over all strategies.
//
// A broadcast allocates nothing for a receiver (naive excepted, whose point it is), and nothing at
// all unless its audience has several rooms or exceptions. Nothing is delayed in the hope of
// company: with nothing queued, a message goes out at once.
//
// # The strategies
//
//   - naive encodes and frames the message anew for each receiver, on the
//     caller's goroutine. It is what many libraries do, and the baseline.
//   - serial delivers one shared frame to each member in turn, on the caller's
//     goroutine, under one lock. Few members on few cores need nothing else, and
//     it is the simplest correct one.
//   - writers does the same, but only puts the frame on the member's outbox and
//     wakes the member's own writer goroutine, which joins its queue into one write. The
//     caller is soon free. It pays with a goroutine and a wake-up per member.
//   - sharded spreads the members over as many shards as there are processors.
//     The goroutine of a shard owns its members and delivers one operation after
//     the other. The caller only queues, the processors work side by side, and no
//     lock is held while something is sent.
//   - batched is sharded, with shards of some hundred members. A shard takes all
//     that has queued up, works out what each member gets, and writes to each
//     member once. The number of writes falls as the load grows, which is the
//     only thing that makes broadcasting cheaper by more than a factor of two.
//
// # Which one
//
// batched, which is the default: where messages are in flight together only writers comes near it,
// and where they are not, it does what sharded does. The ready scenario fanouts compares them at
// eight kinds of work, and its report begins with a table that says which to use when: throng run
// fanouts. Thousands of deliveries per second of the server's processor time (80 websockets, 352
// messages a second, two cores with other work on them; medians of the two or three valid trials of
// three runs, which differ by a quarter and at most 1.6 times: what lies closer is alike):
//
//	                              naive  serial  writers  sharded  batched
//	one room, 64 B, 1 in flight     176     237      194      222      224
//	  8 due at once                 234     271      588      286      655
//	  64 due at once                284     327     2064      407     2534
//	ten rooms                        48      45       47       46       44
//	ten rooms of mixed sizes         90     103       78       92       86
//	one room, 1 KiB                 122     192      156      204      183
//	one room, 16 KiB                 36     133      100      116      124
//	  and ten slow readers           60     123      103      107      116
//
// The last receiver has the median message of 64 due at once after 5.4 ms with batched, 6.5 ms with
// writers, and 16 to 17 ms with the others; one at a time after 0.7 to 0.8 ms with all. Where eight
// are in flight all the time, they part further than in bursts of eight: with 1 000 websockets,
// frames of 120 bytes and one processor naive, serial and sharded take about seven times the 0.95
// us of batched, and writers 1.1 times (bench/fanout, one run).
//
// One message at a time costs the same however it is sent: a system call per receiver, and the ways
// to it hardly differ. From two on the strategies part, for only batched and writers join queued
// frames into one call.
//
//   - A big room, bursts, many senders: batched. writers comes near it, and pays
//     for it with a goroutine for each connection: 5.4 KiB of memory instead of 2.3.
//   - Many small rooms at a low rate, alike or mixed: all alike. A message to eight
//     members is delivered by its sender's own goroutine, and waking the server
//     costs more than the strategy.
//   - Long messages: all but naive, which encodes 16 KiB for each receiver and
//     takes three times as much.
//   - Slow readers: all alike again for the others, as no strategy waits for a
//     session; naive keeps a copy of each message for each slow reader, and with
//     ten of them the process grows to 411 MiB instead of 52.
//   - One processor and a handful of clients: serial does as well, without a
//     goroutine.
//
// # How the sharded ones work
//
// The index says, as of the last call, which members are in the hub, and which shards have members
// of a room; so a small room concerns few shards. A call becomes an operation in the queue of each
// shard that it concerns: joining, leaving, and removal as well as messages. A shard executes its
// operations in the order of the queue, and keeps its own lists of members that follow the index
// with the same delay as the messages. Hence order and membership need no further care:
//
//	caller     Join(a)   Broadcast(x)   Leave(a)   Broadcast(y)
//	index      a in      -              a out      -
//	queue   -> join a    send x         leave a    send y      -> lists, deliveries
//
// The goroutine that has taken the shard executes: the shard's own, or the caller's when the shard
// is idle and the audience small. A direct emit to a member of a shard that owes nothing passes the
// queue by altogether.
//
// What a shard sends to many members is one system call for some tens of them where the kernel has
// io_uring (Options.Rings, and package outlet, which does it). The order does not depend on it: an
// operation is over when all of its members have been written to, either way.
//
// A queue is bounded in operations and bytes. A caller that fills it waits, holding no lock, until
// the shard has caught up. That is safe because a shard never waits for anybody, and it slows down
// only the caller that sends too much.
package fanout
