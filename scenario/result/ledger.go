package result

// Ledger accounts for every delivery of the recorded phases: Expected = Received + Late + Lost +
// Undecided, duplicates and disorder apart.
type Ledger struct {
	// messages that the schedule asked of clients that were there, or away for a while: Sent + Held
	// + Dropped
	Due int64 `json:"due"`
	// of those, still waiting at the end for their sender to be back
	Held int64 `json:"held"`
	// of those, not sent at all: no connection, or the sender was away and they were not kept
	Dropped   int64 `json:"dropped"`
	Sent      int64 `json:"sent"`      // messages emitted by clients
	Expected  int64 `json:"expected"`  // deliveries that the membership of rooms called for
	Received  int64 `json:"received"`  // of those, arrived within the stream's `late:` limit
	Lost      int64 `json:"lost"`      // of those, never arrived
	Duplicate int64 `json:"duplicate"` // arrived once more
	Disorder  int64 `json:"disorder"`  // arrived after a later message of the same sender
	Late      int64 `json:"late"`      // of those, arrived after that limit
	Undecided int64 `json:"undecided"` // the membership was changing: neither owed nor lost
}

// Add adds another account to l.
func (l *Ledger) Add(o Ledger) {
	l.Due += o.Due
	l.Sent += o.Sent
	l.Held += o.Held
	l.Dropped += o.Dropped
	l.Expected += o.Expected
	l.Received += o.Received
	l.Lost += o.Lost
	l.Duplicate += o.Duplicate
	l.Disorder += o.Disorder
	l.Late += o.Late
	l.Undecided += o.Undecided
}

// Loss is the share of the deliveries expected in the recorded phases that were lost or late: at
// least the known ones, at most these and all undecided ones.
type Loss struct {
	Least      int64   `json:"least"`
	Most       int64   `json:"most"`
	LeastShare float64 `json:"least_share"` // 0..1 of the expected deliveries
	MostShare  float64 `json:"most_share"`
}

// Loss is the interval of a ledger; nil when nothing was expected.
func (l *Ledger) Loss() *Loss {
	if l.Expected == 0 {
		return nil
	}
	least, most := l.Lost+l.Late, l.Lost+l.Late+l.Undecided
	of := float64(l.Expected)
	return &Loss{Least: least, Most: most, LeastShare: float64(least) / of, MostShare: float64(most) / of}
}

// Receivers is what one kind of clients received in the recorded phases. In its ledger Sent is the
// number of messages that were for any of them.
type Receivers struct {
	Group     string `json:"group"`
	Transport string `json:"transport"`
	// clients that read slowly, whose losses are counted here alone
	Slow     bool     `json:"slow,omitempty"`
	Ledger   Ledger   `json:"ledger"`
	Delivery *Latency `json:"delivery,omitempty"` // nil: nothing came
}

// ByOperation is the account of an operation's messages in the recorded phases, those to slow
// readers aside.
type ByOperation struct {
	Op       string `json:"op"`
	Event    string `json:"event,omitempty"`
	Volatile bool   `json:"volatile,omitempty"` // may be dropped
	Ledger   Ledger `json:"ledger"`
	// Unexpected counts its deliveries to clients outside of their audience.
	Unexpected int64    `json:"unexpected"`
	Delivery   *Latency `json:"delivery,omitempty"` // nil: nothing came
}

// Rooms counts the deliveries to the members of a tenth of the rooms, by the rooms' sizes.
type Rooms struct {
	Decile     int      `json:"decile"` // 1, the smallest tenth of the rooms, to 10
	Rooms      int      `json:"rooms"`  // how many they are
	MembersMin float64  `json:"members_min"`
	Members    float64  `json:"members_mean"` // planned members per room
	MembersMax float64  `json:"members_max"`
	Ledger     Ledger   `json:"ledger"`
	Delivery   *Latency `json:"delivery,omitempty"`    // nil: nothing came
	Last       *Latency `json:"fanout_last,omitempty"` // until a message was at its last receiver
}

// Operations counts the scheduled messages of the recorded phases by outcome: Due = Sent + Held +
// Dropped. Messages stay due while their sender reconnects; none are due from a client that has not
// yet connected, or that the plan has disconnected.
type Operations struct {
	Due  int64 `json:"due"`
	Sent int64 `json:"sent"` // at once, or when their sender was back
	Held int64 `json:"held"` // still waiting at the end for their sender to be back
	// never sent, for a reason that is in Errors: send.*, away.*, volatile.* or ack.timeout
	Dropped int64 `json:"dropped"`
}

// Add adds another account to o.
func (o *Operations) Add(p Operations) {
	o.Due += p.Due
	o.Sent += p.Sent
	o.Held += p.Held
	o.Dropped += p.Dropped
}
