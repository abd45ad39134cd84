// Package scenario runs scenario files: it plays the simulated clients of a [file.File] against a
// Socket.IO server and returns what they saw as a [result.Run].
//
// # One trial
//
// A trial is one execution of one cell of the matrix. Its plan is fixed before it begins
// (internal/plan): the phases become a timeline, every stream a schedule over it, every group a
// plan of comings and goings. One thread paces all of that (pacer.go). It starts the clients when
// the ramp and the connect rate ask for them (turns.go, actor.go), sends clients away whose time is
// over, moves them between rooms (moves.go), emits the messages of the streams (stream.go), and
// breaks what the scenario breaks on purpose (fault.go). Clients whose connection broke come back
// as official clients do (reconnect.go). Where a group has a flow, each of its clients goes through
// the steps at its own pace (flow.go).
//
// A message enters the ledger (internal/ledger) before it is written, with the members that its
// room has at that moment, and carries a stamp (internal/stamp): who sent it, which it is, and when
// it was due. A client that receives it finds the stamp without decoding the payload, sets its own
// bit in the ledger, and records the time since the message was due (receive.go, internal/record).
// Each second the collector merges what was recorded, samples the processes, and shows how the
// checks stand (collect.go, sample.go).
//
// When the last phase is over the trial waits for what is still on its way and closes the ledger.
// Then it hands the evidence to the judge (evidence.go, internal/judge), which gives the verdict,
// and puts the cell of the result together (report.go, warnings.go).
//
// # Words
//
// Besides those of Socket.IO, and those that README.md explains to users, the code has these of its
// own:
//
//	asked      told by the plan to be there; an asked client is connecting, joining or held
//	held       connected, and a member of all its rooms: it may send, and is owed deliveries
//	actor      one simulated client, from when it is told to connect until its connection has ended
//	person     the user that an actor plays: clients that come back, or arrive one after another, are told apart by number
//	place      an index within a group; an arriving client takes a free one
//	audience   the receivers of a room or of a namespace, as the ledger knows them
//	owed       of a delivery: the receiver was a member when the message was emitted
//	slot       one message in the ledger
//	settled    of a message: its late limit has passed, so that what has not come by then is lost or late
//	call       an emission that waits for its acknowledgement
//	due        when the plan has something happen; latency counts from there
//	away       has lost its connection, and connects again
//	lag        how late the generator was: actual minus due
//	feed       a data file in use: which row belongs to which client
//	pattern    a template made ready to be filled in
//	evidence   all that a verdict may see
//
// # What is counted
//
// Latency counts from the moment an operation was due. Everything is attributed to the phase in
// which the operation was due, wherever it arrived; only phases with record: true reach the totals.
//
// The ledger covers the messages of the streams that expect deliveries. For each pair of message
// and receiver that was a member when the message was emitted, exactly one of received, late, lost
// and undecided is counted:
//
//	expected = received + late + lost + undecided
//
// Late is what arrived after the stream's late limit; lost what had not arrived when the trial
// ended, at least that limit after it was due: as long as something is missing, the trial listens
// until the limit of its last message. A receiver that left before the limit, or was dropped, has
// lost a message when it was there for longer than messages of that second took to reach their last
// receiver; twice that time and ten milliseconds are allowed for. What it missed right before it
// left is undecided. A join that was still in flight when the message was emitted makes the pair
// expected and undecided if the message arrives, and nothing if it does not. A message that reached
// no receiver and whose sender left as soon is undecided for all: it may never have left.
// Duplicates and disorder are counted apart: they do not change the identity.
//
// Messages add up as well: due = sent + held + dropped. What is due while its sender has lost its
// connection and connects again is held and sent when it is back, or dropped (outbox.go); held
// counts what was never sent. A client that is taken for the socket that it was is owed what was
// sent while it was away, and what had not come when its connection broke, apart from volatile
// messages. That part of the account is called replayed.
//
// The account is kept by kind of receiver: its group, its transport, whether it reads slowly; and
// by the size of the room. What slow readers lose or get late is in an account of its own, and so
// is what becomes of volatile messages: neither is in the totals, and no check counts them unless
// it names them. The same holds for the latencies of slow readers, and the first and last receiver
// of a broadcast are those that read normally.
//
// An echo that asks for an acknowledgement is answered by it, so it is not in the ledger: its
// answer is in ack and ack.service, and an answer that never came is an error ack.timeout and
// counts as slower than all that came. An echo without acknowledgement expects one delivery, to its
// sender. The rates cover every operation of every stream.
//
// # Open and closed
//
// Streams are open: their schedule does not depend on the server, so a slow server shows as
// latency. Flows are closed: a client goes on to its next step when the one before has been
// answered, as a person does, so a slow server is also asked less. A group may have both. How long
// a step took, from when it began, is in the metric step and, by its name, in step.NAME; what a
// whole pass took in flow. A step that fails is an error of the kind step, and when it
// timed out, slower than all that ended. It ends the flow or, inside of a repeat, the round. What flows send is
// not in the ledger and not in the rates, nor are the rooms that they join. Reactions answer events
// of the server and are not measured; those that could not be sent are errors of the kind react.
//
// # Foreign servers
//
// With a contract the runner asks in the server's own words (contract.go): templates are compiled
// once to bytes with patches between them and filled in without allocating (pattern.go), and the
// stamp comes out again where the contract says. Where a join is not acknowledged, nothing is owed
// to the client for half a second after it asked; where the contract has no join at all, clients
// are in their rooms as soon as they are connected.
//
// # On the wire
//
// MessagePack, binary payloads, several namespaces and bare Engine.IO change how a message looks
// and nothing that is counted (encode.go). Baselines do the same work without Socket.IO. For each
// transport the bytes that its clients read and wrote in the recorded seconds are divided by the
// deliveries and acknowledgements that arrived in them (meters.go).
//
// A target's own metrics are read as it offers them to Prometheus (scrape.go). Its CPU and memory
// stand in for those of a process where the file names none; CPU as a share of this machine's
// cores. Of a process of this machine it is a share of the cores that it may use, by its affinity, its
// control group's quota and GOMAXPROCS.
//
// # The generator's own lateness
//
// A latency ends when the message has reached the client's socket. Linux notes that moment for TCP,
// also while this process sleeps or waits for a processor; how long the message then waits to be read is
// lag.receive, and in no latency. Messages that were read at once have one time, which is the last one's: the
// others are estimated (package lateness). Over TLS or Unix sockets, and on other systems, latencies end when
// messages are read, and a connection of the process to itself samples how late that is.
//
// How late a message was sent stays in its latency, which counts from when it was due. Of a percentile that a
// rule names or a report shows first, a tenth may be that, or a millisecond; else the trial is invalid.
package scenario
