// Package scenario runs scenario files: it plays the simulated clients of a
// [file.File] against a Socket.IO server and returns what they saw as a
// [result.Run].
//
// One trial of one cell goes like this. The phases become a timeline, and
// every stream a schedule over it: a pure function that says which sender's
// operation is due when (schedule.go). One thread paces them all (pacer.go): it
// also launches the clients when the ramp and the connect rate ask for them
// (population.go, actor.go), and sends those away whose session is over, for others to take
// their place (churn.go). Faults are due like everything else; clients whose connection broke
// come back as official clients do (reconnect.go). Rooms have the sizes that the file asks for
// (rooms.go), and clients move between them (moves.go). An operation enters the ledger before it is
// written, with the members its room has at that moment (ledger.go, slot.go, audience.go), and
// carries a stamp: who, which, and when it was due (stamp.go). A client that
// receives a message finds the stamp without decoding the payload, ticks its
// own bit in the ledger, and records the time since the message was due in the
// recorder's shard (recorder.go). Each second the collector merges the shards,
// samples the processes and writes the timeline (collect.go, sample.go). Who watches
// is told how the checks stand by then (standing.go). When
// the last phase is over the trial waits for what is still on its way, settles
// the ledger, and looks up every check of the file (check.go).
//
// # What is counted
//
// Latency counts from the moment an operation was due. Everything is attributed to
// the phase in which the operation was due, wherever it arrived; only phases
// with record: true reach the totals.
//
// The ledger covers the messages of the streams that expect deliveries. For each pair of
// message and receiver that was a member when the message was emitted, exactly
// one of received, late, lost and undecided is counted:
//
//	expected = received + late + lost + undecided
//
// Late is what arrived after the stream's late limit; lost what had not arrived
// when the trial ended, at least that limit after it was due; undecided what a
// leaving, dropped or just joining receiver may or may not have been owed.
// A join that was still in flight when the message was emitted makes the pair
// expected and undecided if the message arrives, and nothing if it does not.
// A message whose sender left within the late limit, and that reached nobody, is
// undecided for everybody: it may never have left.
// Duplicates and disorder are counted apart: they do not change the identity.
//
// The account is kept by kind of receiver: its group, its transport, whether it reads slowly; and by
// the size of the room. What slow readers lose or get late is in an account of
// its own, and so is what becomes of volatile messages: neither is in the totals,
// and no check counts them unless it names them (labels.go). The same holds for the latencies of slow
// readers, and the first and last receiver of a broadcast are those that read normally.
//
// An echo that asks for an acknowledgement is answered by it, so it is not in
// the ledger: its answer is in ack and ack.service, and an answer that
// never came is an error ack.timeout, recorded in the histograms at the limit.
// An echo without acknowledgement expects one delivery, to its sender.
// The rates cover every operation of every stream.
//
// # Open and closed
//
// Streams are open: their schedule does not know how the server fares, so a slow server
// shows as latency. Flows are closed: a client goes on to its next step when
// the one before has been answered, as a person does, so a slow server is also
// asked less (flow.go, flowhttp.go). A group may have both. How long a step took, from
// when it began, is in the metric step and, by its name, in step.NAME; what a
// whole pass took in flow. A step that fails is an error: step.timeout (recorded at its limit as well),
// step.capture, step.status and step.http of requests, step.dropped when the connection ended meanwhile,
// step.unconnected, step.send, step.contract. It ends the flow or, inside of a repeat, the round. What flows
// send is not in the ledger and not in the rates, nor are the rooms that they join. Reactions answer
// events of the server and are not measured; what of them could not be sent is react.emit and react.ack.
//
// # Foreign servers
//
// With a contract the runner asks in the server's own words (contract.go): templates
// are compiled once to bytes with patches between them and filled in without allocating (pattern.go),
// and the stamp comes out again where the contract says, found without decoding the message (jsonpath.go).
// Where a join is not acknowledged, nothing is owed to the client for half a second after it asked; where the
// contract has no join at all, clients are in their rooms as soon as they are connected.
//
// # On the wire
//
// MessagePack, binary payloads, several namespaces and bare Engine.IO change how a message
// looks and nothing that is counted (wire.go). Baselines do the same work without Socket.IO. For each
// transport the bytes that its clients read and wrote in the recorded seconds are divided by the
// deliveries and acknowledgements that arrived in them (traffic.go).
//
// A target's own metrics are read as it offers them to Prometheus (scrape.go). Its CPU and memory stand in for
// those of a process where the file names none; CPU as a share of this machine's cores.
package scenario
