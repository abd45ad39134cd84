package result

// EndServerGone is the Ending of a trial whose server ended by itself.
const EndServerGone = "server_gone"

// Evidence is the part of a verdict's evidence that the rest of the cell does not hold. It allows
// the trial to be judged again by other rules. Streams, groups and classes are named by their place
// in the lists.
type Evidence struct {
	Ending string `json:"ending" words:"ran_out|interrupted|server_gone|aborted"`
	Cause  string `json:"cause,omitempty"` // of the ending
	// how the scenario and the target misunderstood each other
	Mismatch string `json:"mismatch,omitempty"`
	Faults   bool   `json:"faults,omitempty"` // a phase broke something on purpose
	// FaultPhases are those phases, in order; nil in results of versions in which a fault
	// explained the losses of the whole run.
	FaultPhases []int `json:"fault_phases,omitempty"`
	// FaultEnds say of each of them until when its fault explains what went wrong; nil in results
	// of versions in which it explained all that followed.
	FaultEnds []EvidenceFault `json:"fault_ends,omitempty"`
	// FaultFailed is a fault that did not happen as the scenario describes it, and why.
	FaultFailed string `json:"fault_failed,omitempty"`
	ScaledDown  bool   `json:"scaled_down,omitempty"` // the run was a quick one
	// RSSBefore is the server's memory before the first client, in bytes; -1: unknown.
	RSSBefore int64 `json:"rss_before_bytes"`
	// StandstillS is the longest time for which the generator did not run, in seconds.
	StandstillS float64 `json:"standstill_s,omitempty"`
	// PatienceS is the shortest time for which a server waits for a sign of a client before it
	// gives it up, in seconds; 0: not known.
	PatienceS float64 `json:"patience_s,omitempty"`

	Groups  []EvidenceGroup  `json:"groups"`
	Classes []EvidenceClass  `json:"classes"` // of clients
	Streams []EvidenceStream `json:"streams"`
	Series  []EvidenceSeries `json:"series"`            // those with samples
	Ledger  []EvidenceRow    `json:"ledger,omitempty"`  // in order of time, by stream
	Errors  []EvidenceErrors `json:"errors,omitempty"`  // in order of time
	Returns []EvidenceReturn `json:"returns,omitempty"` // of clients that lost their connection
	Seconds []EvidenceSecond `json:"seconds"`           // beside the timeline
}

// EvidenceFault is how long a fault lasts, in seconds since the start.
type EvidenceFault struct {
	AtS float64 `json:"at_s"` // from when on nothing is broken any more by the fault itself
	// PatienceS is until when a client whose connection it broke may take to be back.
	PatienceS float64 `json:"patience_s"`
	// Lossless says that it takes nothing from connections that stay: what it loses is in rows with
	// Cut.
	Lossless bool `json:"lossless,omitempty"`
	// Silences says that it may make such connections silent, for the late limit after its end too.
	Silences bool `json:"silences,omitempty"`
	// Behind says that it may break what is behind the servers: calls of such connections may stay
	// without an answer, and messages come to nobody, or to no other node.
	Behind bool `json:"behind,omitempty"`
}

// EvidenceGroup is one group of clients.
type EvidenceGroup struct {
	Name     string  `json:"name"`
	Attempts []int64 `json:"attempts"` // to connect, by phase
}

// EvidenceClass is one kind of clients.
type EvidenceClass struct {
	Group     string `json:"group"`
	Transport string `json:"transport"`
	Slow      bool   `json:"slow,omitempty"`     // they read slowly
	AllSlow   bool   `json:"all_slow,omitempty"` // as do all of their group
	// 1 and the place of their target among several; 0: there is one
	Node int `json:"node,omitempty"`
}

// EvidenceStream is one stream.
type EvidenceStream struct {
	Group    string  `json:"group"`
	Op       string  `json:"op"`
	Event    string  `json:"event,omitempty"`
	Volatile bool    `json:"volatile,omitempty"`
	Asks     bool    `json:"asks,omitempty"` // for acknowledgements
	LateS    float64 `json:"late_s"`         // after which a delivery is late
	Offered  []int64 `json:"offered"`        // operations that were due, by phase
	Sent     []int64 `json:"sent"`           // and that were sent
	// of the others, those that waited for their sender to the end
	Held    []int64 `json:"held,omitempty"`
	Dropped []int64 `json:"dropped,omitempty"`
}

// EvidenceSeries is one metric of one kind of client or message, for operations due in one phase.
type EvidenceSeries struct {
	Metric    string `json:"metric"`
	Group     string `json:"group,omitempty"`
	From      string `json:"from,omitempty"`
	Op        string `json:"op,omitempty"`
	Event     string `json:"event,omitempty"`
	Transport string `json:"transport,omitempty"`
	Decile    int    `json:"room_decile,omitempty"`
	Slow      bool   `json:"slow,omitempty"`
	AllSlow   bool   `json:"all_slow,omitempty"`
	Volatile  bool   `json:"volatile,omitempty"`
	// to receivers that had been away since the messages were sent
	Replayed bool     `json:"replayed,omitempty"`
	Phase    int      `json:"phase"` // of the cell's phases
	Latency  *Latency `json:"latency"`
	// 1 and the place of the client's target among several; 0: there is one
	Node int `json:"node,omitempty"`
	// of a delivery, whether its sender was connected to another target; "": there is one
	Cross string `json:"cross,omitempty" words:"true|false"`
}

// EvidenceRow is the account of a stream's messages due in one second of one phase, for one class
// of clients.
type EvidenceRow struct {
	Stream int `json:"stream"`
	Phase  int `json:"phase"`
	Second int `json:"second"`
	Class  int `json:"class"`          // -1: the messages themselves, for all
	From   int `json:"from,omitempty"` // the place of the sender's target among several
	Decile int `json:"room_decile,omitempty"`
	// Replayed says that the receivers had been away since the messages were sent, and were
	// recovered.
	Replayed bool `json:"replayed,omitempty"`
	// Cut marks lost deliveries that the end of a connection, or under a fault its silence,
	// explains, the sender's or the receiver's.
	Cut bool `json:"cut,omitempty"`
	Ledger
}

// EvidenceErrors is how often an error came in one second.
type EvidenceErrors struct {
	Class  string `json:"class"`
	Stream int    `json:"stream"` // -1: of no stream
	Group  int    `json:"group"`
	Phase  int    `json:"phase"` // -1: of none
	Second int    `json:"second"`
	N      int64  `json:"n"`
}

// EvidenceReturn counts the clients of a group that lost their connection in a phase.
type EvidenceReturn struct {
	Group     int   `json:"group"`
	Phase     int   `json:"phase"` // -1: of none
	Back      int64 `json:"back"`
	Never     int64 `json:"never"`
	Recovered int64 `json:"recovered"`
	// BrokeAtS and BackAtS are, of those whose connection a fault broke, when the last connection
	// ended and when the last client was held again, in seconds since the start; 0: none.
	BrokeAtS float64 `json:"broke_at_s,omitempty"`
	BackAtS  float64 `json:"back_at_s,omitempty"`
}

// EvidenceSecond holds the values of a second that the timeline lacks.
type EvidenceSecond struct {
	Phase     int     `json:"phase"` // in the middle of it; -1: none
	Offered   int64   `json:"offered"`
	ServerCPU float64 `json:"server_cpu"` // -1: unknown
}
