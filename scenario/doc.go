// Package scenario runs scenario files: it runs the simulated clients of a [file.File] against a
// Socket.IO server and returns their measurements as a [result.Run].
//
// # One trial
//
// A trial is one execution of one cell of the matrix. Its plan is fixed before it begins
// (internal/plan): the phases become a timeline, every stream a schedule over it, every group a
// plan of comings and goings. One thread executes the plan (pacer.go). It starts clients at the
// pace of the ramp and the connect rate (turns.go, actor.go), disconnects clients whose stay is
// over, moves them between rooms (moves.go), emits the messages of the streams (send.go), and
// injects the scenario's faults (fault.go). Clients whose connection broke reconnect as official
// clients do (reconnect.go). Where a group has a flow, each of its clients goes through the steps
// at its own pace (flow.go), and whoever brings what it waits for plays it on (flow_play.go).
//
// A message enters the ledger (internal/ledger) before it is written, with the members that its
// room has at that moment, and carries a stamp (internal/stamp): who sent it, which it is, and when
// it was due. A client that receives it finds the stamp without decoding the payload, sets its own
// bit in the ledger, and records the time since the message was due (receive.go, internal/record).
// Few goroutines read for all clients that can be read so (client.Readers); a client that waits has
// none, nor has its flow, and the goroutine that connected it has ended (actor.go).
// Each second the collector merges what was recorded, samples the processes, and shows how the
// checks stand (collect.go, sample.go, progress.go).
//
// When the last phase is over the trial waits for messages in flight and closes the ledger. Then it
// passes the evidence to the judge (evidence.go, internal/judge), which gives the verdict, and puts
// the cell of the result together (report.go, warnings.go).
//
// # Words
//
// The code uses these terms besides the terms of Socket.IO and of README.md:
//
//	asked      told by the plan to be there; an asked client is connecting, joining or held
//	held       connected, and a member of all its rooms: it may send, and is owed deliveries
//	actor      one simulated client, from its connection attempt to the end of its connection
//	user       the numbered user that an actor plays; a client that reconnects stays the same user
//	place      an index within a group; an arriving client takes a free one
//	audience   the receivers of a room or of a namespace, as the ledger knows them
//	owed       of a delivery: the receiver was a member when the message was emitted
//	slot       one message in the ledger
//	settled    of a message: its late limit has passed, so every missing delivery is lost or late
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
// A delivery is late when it arrived after the stream's late limit, and lost when it had not
// arrived at the end of the trial, which is at least that limit after it was due: while deliveries
// are missing, the trial listens until the limit of its last message. A receiver that left or was
// dropped before the limit has lost a message when it had got something that was sent later, by
// more than messages of that second took to reach their last receiver; the allowance is twice that
// time plus ten milliseconds. If it had got nothing for a second of what it was to get, the moment
// when it left counts instead. What it lacked otherwise is undecided. A join that was still in
// flight when the message was emitted makes the pair expected and undecided if the message arrives,
// and nothing if it does not. A message that reached no receiver and whose sender left as soon is
// undecided for all: it may never have left. If the server had acknowledged it, or the sender left
// because the server's heartbeat did not come, the message is lost. Duplicates and disorder are
// counted separately: they do not change the identity.
//
// Messages add up as well: due = sent + held + dropped. A message due while its sender reconnects
// is held and sent after the reconnection, or dropped (outbox.go); held counts messages that were
// never sent. When the server recovers a client's connection state, it owes the client every
// non-volatile message that was sent during the absence or was in flight when the connection broke.
// That part of the account is called replayed.
//
// The account is kept by kind of receiver (group, transport, slow or normal reading) and by room
// size. Deliveries to slow readers and volatile messages have separate accounts: the totals exclude
// them, and a check counts them only when it names them. The latencies of slow readers are separate
// too; the first and last receiver of a broadcast are always normal readers.
//
// An echo that asks for an acknowledgement is answered by it, so it is not in the ledger: its
// answer is in ack and ack.service, and an answer that never came is an error ack.timeout and
// counts as slower than all that came. An echo without acknowledgement expects one delivery, to its
// sender. The rates cover every operation of every stream.
//
// # Open and closed
//
// Streams are open: their schedule does not depend on the server, so a slow server shows as
// latency. Flows are closed: like a person, a client begins the next step when the previous one has
// been answered, so a slow server also receives fewer requests. A group may have both. The metric
// step holds the duration of every step, step.NAME the durations of the step of that name, and flow
// the duration of a whole pass. A failed step is an error of the kind step; a step that timed out
// counts as slower than every completed step. A failure ends the flow or, inside a repeat, the
// round. Messages and rooms of flows are not in the ledger and not in the rates. Reactions answer
// events of the server and are not measured; a reaction that could not be sent is an error of the
// kind react.
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
// A target's own metrics are read from its Prometheus endpoint (scrape.go). Where the file names no
// process, they supply the target's CPU and memory; CPU is then a share of this machine's cores.
// For a process on this machine, CPU is a share of the cores available to it: its affinity, its
// control group's quota and GOMAXPROCS.
//
// # A fleet
//
// With Options.Fleet the clients are in other processes, the agents, and this one is their
// controller. Agents and controller make the same trial of the same file (job.go), so that series,
// streams and rooms have the same numbers everywhere. Clients are divided over the agents by index,
// in proportion to weights and within the labels of place (role.go, internal/plan). Every agent
// plays the plan in full and skips what falls to clients of others.
//
// An agent's ledger has the account of its receivers, and is one with the others': it is told what
// their clients send, and replays messages and deliveries in order of time (fleetledger.go,
// exchange.go, internal/ledger). Each second it reports what it recorded (gather.go, rotate.go,
// portion.go); the controller merges the portions of one second of all agents into its own trial
// and closes the second (coordinator.go, merge.go). What follows is as in one process: the
// collector, the judge and the report see one trial.
//
// At the end each agent stops sending, waits for what is on its way, closes its ledger when all
// have, and reports the rest. What a lost agent has reported stays, and each delivery of which it
// has reported the latency is in the account (lostagent.go); its clients are lost capacity, which
// is the error agent.lost and makes a trial invalid unless a rule allows it. Rules on the
// generator's fitness are judged by the worst agent. Where the agents' clocks are not one, each
// time from one client to another has the error that result.Cell.ClockBoundUs says.
//
// Some things differ from one process. Requests that a group makes once for all clients are made
// once on each agent, which also probes the target. Peers are picked among the clients of the
// sender's agent, and a stream per group or room falls to the next client of the agent that has the
// first. The receiver curve is of each agent's receivers. trace is refused, and so is a stream per
// room in a group whose clients move.
//
// # The generator's own lateness
//
// A latency ends when the message has reached the client's socket. Linux notes that moment for TCP,
// also while this process sleeps or waits for a processor; how long the message then waits to be
// read is lag.receive, and in no latency. Messages that were read at once have one time, which is
// the last one's: the others are estimated (package lateness). The same holds for the records of
// TLS. Over Unix sockets, and on other systems, latencies end when messages are read, and a probe
// samples how late that is: something to read that comes every 2 ms.
//
// How late a message was sent stays in its latency, which counts from when it was due. Of a
// percentile that a rule names or a report shows first, a tenth may be that, or a millisecond; else
// the trial is invalid. The same holds for connecting, which the generator may begin late and whose
// answers it may read late, where it breaks a rule: no target fails by that.
package scenario
