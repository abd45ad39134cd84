package socketio

import (
	"errors"
	"fmt"
)

// Every error of Parse and of a Decoder means that the peer broke the protocol and that the
// connection has to be closed: there is no answer to send. An error of the Append functions
// concerns the caller's values alone.
var (
	// ErrReservedEvent reports an event name that belongs to the library, see Reserved. Received,
	// it is wrapped in a *ParseError; emitting one is the caller's mistake, and nothing is sent.
	ErrReservedEvent = errors.New("event name is reserved")
	// ErrTooManyAttachments reports a packet that announces more attachments than allowed. It is
	// wrapped in a *ParseError.
	ErrTooManyAttachments = errors.New("too many attachments")
	// ErrTooDeep reports a payload nested deeper than allowed. It is wrapped in a
	// *ParseError.
	ErrTooDeep = errors.New("payload is nested too deeply")
	// ErrTooLarge reports attachments that are together larger than allowed.
	ErrTooLarge = errors.New("socket.io: attachments of one packet are too large")
	// ErrForgedPlaceholder reports a value to emit that looks like a placeholder, in a packet with
	// attachments. A receiver would take an attachment for it, or close the connection: data that
	// was passed on unchecked could do that to all.
	ErrForgedPlaceholder = errors.New("value looks like the placeholder of an attachment")
	// ErrUnexpectedText reports a text message while attachments are missing, or where all messages
	// are binary (MessagePack).
	ErrUnexpectedText = errors.New("socket.io: text message where a binary one was due")
	// ErrUnexpectedBinary reports a binary message that no packet announced.
	ErrUnexpectedBinary = errors.New("socket.io: binary message that no packet announced")
)

// ParseError says why a text is not a Socket.IO packet, and where.
type ParseError struct {
	Offset int   // in bytes from the start of the text
	Err    error // the reason, one of the Err variables of this package or another
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("socket.io packet, byte %d: %v", e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

// The reasons that callers need not distinguish.
var (
	errEmpty         = errors.New("the packet is empty")
	errType          = errors.New("unknown packet type")
	errAttachments   = errors.New("attachment count is not a positive decimal number followed by a dash")
	errIDTooLong     = errors.New("ack id has more than 19 digits")
	errNotObject     = errors.New("payload must be a JSON object")
	errNotArray      = errors.New("payload must be a JSON array")
	errNotMessage    = errors.New("payload must be a JSON object or string")
	errPayload       = errors.New("packet of this type has no payload")
	errNoPayload     = errors.New("payload is missing")
	errEventName     = errors.New("event name must be a string or a number")
	errPlaceholder   = errors.New("placeholder names no attachment of this packet")
	errUTF8          = errors.New("text is not valid UTF-8")
	errAfterDocument = errors.New("text after the JSON payload")
	errUnexpectedEnd = errors.New("JSON ends too early")
	errValue         = errors.New("JSON value expected")
	errKey           = errors.New("JSON object key expected")
	errColon         = errors.New("colon expected after a JSON object key")
	errCommaOrEnd    = errors.New("comma or end of the JSON array or object expected")
	errControl       = errors.New("control character in a JSON string")
	errEscape        = errors.New("unknown escape in a JSON string")
	errNumber        = errors.New("malformed JSON number")
	errLiteral       = errors.New("malformed JSON literal")
)
