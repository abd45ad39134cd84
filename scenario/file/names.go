package file

import (
	"fmt"
	"slices"
	"strings"
)

// A spot is a place where templates stand, as a bit.
type spot uint16

const (
	inHandshake spot = 1 << iota
	inRoomData
	inData
	inJoin
	inOperation
	inFlow
	inReact
	inBefore
	inOnce // before a connection, for all clients
	inFault
	inRolling
	inRepeat // the steps of a repeat
	inAudience
	inMatch // what an acknowledgement must have
	inVars  // a variable that is used in one of the others
	inSample
)

const (
	everywhere = inBefore | inHandshake | inMessages | inJoin | inFlow | inReact
	forSecrets = everywhere | inFault | inRolling | inSample
	inMessages = inRoomData | inData | inOperation
)

// templateNames is the one table of the names that templates may use besides variables, and where.
// Names in capitals stand for the file's own names.
var templateNames = []struct {
	name, about string
	in          spot
}{
	{HoleClient, "the number of the client within its group, from 0", everywhere | inAudience | inMatch},
	{HoleGroup, "the name of the client's group", everywhere | inOnce | inAudience | inMatch},
	{HoleRoom, "the room that is joined, left or sent to", inRoomData | inOperation | inJoin},
	{HoleEvent, "the event of the stream, or the one that is reacted to", inRoomData | inData | inReact},
	{rowEvent, "a value of the event that is reacted to, by its path: `${event[0].id}`, or `${event.id}` for short", inReact},
	{HoleSeq, "the number of the message in its stream, from 0", inMessages | inMatch},
	{HolePayload, "the stamp, filled up to `size` bytes: a text in the contract and inside a longer text, as a whole value of `data` an object; in `match`, that the value has what was sent", inMessages | inMatch},
	{HoleStamp, "the stamp alone, a text of 32 characters: an id that the server passes on", inOperation},
	{DrawUUID, "a random UUID", everywhere | inOnce},
	{rowRandom, "a random number from 1 to 6; with decimals, as many as its limits have: `random(0.5,1.5)`", everywhere | inOnce},
	{rowPick, "one of some values at random", everywhere | inOnce},
	{DrawNow, "the time in milliseconds since 1970", everywhere | inOnce},
	{DrawNowISO, "the time as a text: 2026-01-31T12:00:00.000Z", everywhere | inOnce},
	{rowCounter, "a counter of `counters:`, which each client counts for itself: one more at each use", everywhere},
	{DrawLoop, "the number of the round of a repeat, from 0", inRepeat},
	{HoleCall, "the number of the call, which its answer repeats; of protocol: websocket", inOperation | inJoin | inFlow},
	{rowPeer, "of the client that the message is for: `peer.client.index`, `peer.group`, `peer.sid` (its socket id), `peer.FILE.COLUMN`, or `peer.AUDIENCE`, its key", inOperation},
	{"FILE.COLUMN", "the client's row of a data file", everywhere | inAudience | inMatch},
	{"NAME", "a value that an earlier step captured; values of before can also be used in namespace, auth, query, headers, data, match and react", inBefore | inOnce | inFlow},
	{"env.NAME", "an environment variable, which is kept secret", forSecrets | inOnce | inVars},
	{HoleTargetIndex, "the place of the target among targets, from 0", inRolling},
	{HoleTargetHost, "the host of the target, without its port", inRolling},
	{HoleTargetURL, "the address of the target", inRolling},
}

// standIns are the rows of the table that stand for names of the file's own: they are no names.
var standIns = []string{"FILE.COLUMN", "NAME", "env.NAME", rowPeer}

// spotsOf returns where a name of the table may stand.
func spotsOf(name string) spot {
	for _, row := range templateNames {
		if row.name == name {
			return row.in
		}
	}
	return 0
}

// words lists the places in a sentence.
func (s spot) words() string {
	switch {
	case s&forSecrets == forSecrets:
		return "before, namespace, auth, query, headers, data, contract, flow, react, fault and sample"
	case s&(everywhere|inAudience|inMatch) == everywhere|inAudience|inMatch:
		return "before, namespace, auth, query, headers, data, match, audiences, contract, flow and react"
	case s&everywhere == everywhere:
		return "before, namespace, auth, query, headers, data, contract, flow and react"
	}
	var places, calls []string
	switch {
	case s&inData != 0:
		places = append(places, "the data of a stream")
	case s&inRoomData != 0:
		places = append(places, "the data of a stream with op: room")
	}
	for _, call := range []struct {
		at   spot
		keys []string
	}{{inJoin, []string{"join", "leave"}}, {inOperation, []string{"operations"}}} {
		if s&call.at != 0 {
			calls = append(calls, call.keys...)
		}
	}
	if len(calls) > 0 {
		places = append(places, enumerate(calls)+" of the contract")
	}
	if s&inMatch != 0 {
		places = append(places, "match of a stream")
	}
	if s&inBefore != 0 {
		places = append(places, "the steps of before")
	}
	if s&inFlow != 0 {
		places = append(places, "a flow")
	}
	if s&inRolling != 0 {
		places = append(places, "rolling of a fault")
	}
	if s&inRepeat != 0 {
		places = append(places, "the steps of a repeat")
	}
	if s&inReact != 0 {
		places = append(places, "react")
	}
	return strings.Join(places, ", and in ")
}

// enumerate writes a list as a sentence does: a, b and c.
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// misplaced says where a name may stand that cannot stand here; "" for a name that is no
// template's.
func (vs *variables) misplaced(name string, sc *scope) string {
	row := name
	switch {
	case strings.HasPrefix(name, envPrefix):
		row = "env.NAME"
	case slices.Contains(vs.rows, feederOf(name, vs.feeders)):
		return "its data file has a row for each message: use it in the data of a stream or in a message of the contract, or write each: client"
	case feederOf(name, vs.feeders) != "":
		row = "FILE.COLUMN"
	case vs.ofPeer(name):
		row = rowPeer
	case vs.secret[name]:
		return fmt.Sprintf("a secret can be used only in %s", forSecrets.words())
	}
	in := spotsOf(rowOf(row))
	switch {
	case in == 0:
		return ""
	case sc != nil && sc.at == inOnce && in&inBefore != 0:
		return "its value differs between clients, and the requests are made once for all of them: remove once, or the value"
	}
	hint := fmt.Sprintf("it can be used only in %s", in.words())
	if row == "env.NAME" {
		hint += "; pass values that are not secret with --set KEY=VALUE"
	}
	return hint
}

// A scope holds the names that templates of one place may use besides variables.
type scope struct {
	at       spot
	captured []string // by steps of the flow
}

var (
	clientScope    = &scope{at: inHandshake}
	roomDataScope  = &scope{at: inRoomData}
	dataScope      = &scope{at: inData}
	joinScope      = &scope{at: inJoin}
	operationScope = &scope{at: inOperation}
	audienceScope  = &scope{at: inAudience}
	matchScope     = &scope{at: inMatch}
	reactScope     = &scope{at: inReact}
	faultScope     = &scope{at: inFault}
	rollingScope   = &scope{at: inRolling}
	sampleScope    = &scope{at: inSample}
	varScope       = &scope{at: inVars}
)

// allows reports whether a template may have a hole of that name here.
func (sc *scope) allows(name string, feeders []string) bool {
	switch {
	case sc == nil:
		return false
	case !slices.Contains(standIns, name) && spotsOf(rowOf(name))&sc.at != 0, slices.Contains(sc.captured, name):
		return true
	}
	return spotsOf("FILE.COLUMN")&sc.at != 0 && feederOf(name, feeders) != ""
}

// allowsPeers reports whether something of a peer may stand here.
func (sc *scope) allowsPeers() bool { return sc != nil && spotsOf(rowPeer)&sc.at != 0 }

// takesSecrets reports whether a secret may stand here.
func (sc *scope) takesSecrets() bool { return sc != nil && spotsOf("env.NAME")&sc.at != 0 }

// names lists what may stand here, for suggestions.
func (sc *scope) names() []string {
	out := slices.Clone(sc.captured)
	for _, row := range templateNames {
		if row.in&sc.at != 0 && row.name == strings.ToLower(row.name) {
			out = append(out, row.name)
		}
	}
	return out
}

// feederOf returns the data file that a name begins with, "" for none.
func feederOf(name string, feeders []string) string {
	prefix, column, _ := strings.Cut(name, ".")
	if column == "" || !slices.Contains(feeders, prefix) {
		return ""
	}
	return prefix
}
