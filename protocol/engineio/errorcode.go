package engineio

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// ErrorCode is the reason why a server refuses a request, as its JSON answer states it.
type ErrorCode int

// The error codes of Engine.IO servers.
const (
	UnknownTransport    ErrorCode = iota // the transport is missing, unknown or disabled
	UnknownSID                           // no session with this id
	BadHandshakeMethod                   // a session is opened by GET
	BadRequest                           // the request does not fit the session's state
	Forbidden                            // the application refused
	UnsupportedProtocol                  // the revision (query parameter EIO) is not served
)

var errorMessages = [...]string{
	"Transport unknown",
	"Session ID unknown",
	"Bad handshake method",
	"Bad request",
	"Forbidden",
	"Unsupported protocol version",
}

// String returns the message that the reference implementation sends with c.
func (c ErrorCode) String() string {
	if c >= 0 && int(c) < len(errorMessages) {
		return errorMessages[c]
	}
	return "Error " + strconv.Itoa(int(c))
}

// Status returns the HTTP status of the answer: 403 for Forbidden, 400 for all others.
func (c ErrorCode) Status() int {
	if c == Forbidden {
		return 403
	}
	return 400
}

// AppendJSON appends the body of the answer to dst and returns the extended slice. An empty message
// stands for c.String(); an application that refuses a connection may give its own.
func (c ErrorCode) AppendJSON(dst []byte, message string) []byte {
	if message == "" {
		message = c.String()
	}
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(c), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	return append(dst, '}')
}

// ParseErrorJSON decodes the body of a refusal. It fails on a body that is not one, such as the
// page of a proxy.
func ParseErrorJSON(b []byte) (code ErrorCode, message string, err error) {
	var w struct {
		Code    *int   `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return 0, "", fmt.Errorf("engine.io error answer: %w", err)
	}
	if w.Code == nil {
		return 0, "", fmt.Errorf("engine.io error answer: no code in %.80q", b)
	}
	return ErrorCode(*w.Code), w.Message, nil
}
