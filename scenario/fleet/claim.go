package fleet

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// Subjects outside of runs.
const (
	helloSubject = "throng.fleet.hello"
	agentSubject = "throng.fleet.agent."
)

// maxText bounds descriptions and claims, in bytes.
const maxText = 256 << 10

// A card is what an agent says of itself when asked who is there.
type card struct {
	ID    string       `json:"id"`
	Agent result.Agent `json:"agent"`
	Key   string       `json:"key"`             // its xkey, for which the secret of a run is encrypted
	Nonce string       `json:"nonce"`           // for the next claim, which is good once
	Run   string       `json:"run,omitempty"`   // that it belongs to; "": it is free
	Since float64      `json:"since,omitempty"` // seconds
	Time  timebase     `json:"time"`
	Kept  []string     `json:"kept,omitempty"` // parts of runs whose controllers were killed
}

// A claim asks an agent to take part in a run.
type claim struct {
	Run      string         `json:"run"`
	Self     int            `json:"self"`
	Agents   []result.Agent `json:"agents"` // all that take part
	Name     string         `json:"name"`   // of the controller, for the agent's log
	Build    string         `json:"build"`
	Key      string         `json:"key"` // the controller's xkey
	Secret   []byte         `json:"secret"`
	Identity string         `json:"identity"` // the controller's public nkey
	Time     timebase       `json:"time"`
	Nonce    string         `json:"nonce"`

	reply *nats.Msg // at the agent: the request to answer
}

// A signed is a claim and its signature.
type signed struct {
	Claim     json.RawMessage `json:"claim"`
	Signature []byte          `json:"signature"`
}

// An answer says whether an agent takes part.
type answer struct {
	Error string `json:"error,omitempty"` // "": it does
	Taken bool   `json:"taken,omitempty"` // another run has been faster
}

// Why an agent that was free refuses a claim: another one has come in between.
var (
	errBusy     = errors.New("it is busy with another run")
	errOldClaim = errors.New("the claim is an old one")
)

// digest is what is signed: the claim, and for which agent it is.
func digest(id string, claim []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte("throng claim " + id + "\n"))
	sum.Write(claim)
	return sum.Sum(nil)
}

// sign makes the text of a claim.
func (c *claim) sign(id string, identity nkeys.KeyPair) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	signature, err := identity.Sign(digest(id, text))
	if err != nil {
		return nil, err
	}
	return json.Marshal(signed{text, signature})
}

// readClaim checks who made a claim. accept lists the public keys of those whose work is taken;
// empty: of all.
func readClaim(id string, text []byte, accept []string) (*claim, error) {
	if len(text) > maxText {
		return nil, errors.New("the claim is too long")
	}
	var s signed
	var c claim
	if json.Unmarshal(text, &s) != nil || json.Unmarshal(s.Claim, &c) != nil {
		return nil, errors.New("this is no claim")
	}
	key, err := nkeys.FromPublicKey(c.Identity)
	if err != nil || key.Verify(digest(id, s.Claim), s.Signature) != nil {
		return nil, errors.New("the claim is not signed by its controller")
	}
	if len(accept) > 0 && !slices.Contains(accept, c.Identity) {
		return nil, fmt.Errorf("this agent takes no work from the controller with the identity %s; name the file of an identity that it accepts with --identity, since a run without has a new one each time, or start the agent with --accept %[1]s", c.Identity)
	}
	if c.Build != Build() {
		return nil, fmt.Errorf("this agent is of another build (%s) than the controller (%s); run the same program everywhere", Build(), result.Short(c.Build, result.MaxText))
	}
	if c.Self < 0 || c.Self >= len(c.Agents) {
		return nil, errors.New("the claim gives this agent no place")
	}
	return &c, nil
}

// NewIdentity makes a controller's identity: an nkey of a user, as its secret seed and its public
// key.
func NewIdentity() (seed []byte, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", err
	}
	if seed, err = pair.Seed(); err != nil {
		return nil, "", err
	}
	public, err = pair.PublicKey()
	return seed, public, err
}

// maxIdentity bounds the file of an identity, in bytes.
const maxIdentity = 64 << 10

// identityOf reads a seed from a file, or makes an identity for one run when there is none.
func identityOf(file string) (nkeys.KeyPair, error) {
	if file == "" {
		return nkeys.CreateUser()
	}
	text, err := regular.ReadFile(file, maxIdentity)
	if err != nil {
		return nil, fmt.Errorf("the identity: %w", err)
	}
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, fmt.Errorf("the identity in %s: %w; 'throng fleet key FILE' makes one", file, err)
	}
	return pair, nil
}
