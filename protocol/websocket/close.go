package websocket

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 prescribes it
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"
)

// Code is why a connection is closed (RFC 6455, section 7.4).
type Code uint16

// The codes of section 7.4.1 and of the registry that section 11.7 founded. CodeNoStatus stands for
// a close frame without a code; CodeAbnormal and CodeTLS are for reports alone. They are never
// sent.
const (
	CodeNormal             Code = 1000
	CodeGoingAway          Code = 1001
	CodeProtocolError      Code = 1002
	CodeUnsupportedData    Code = 1003
	CodeNoStatus           Code = 1005
	CodeAbnormal           Code = 1006
	CodeInvalidData        Code = 1007
	CodePolicyViolation    Code = 1008
	CodeTooBig             Code = 1009
	CodeMandatoryExtension Code = 1010
	CodeInternalError      Code = 1011
	CodeServiceRestart     Code = 1012
	CodeTryAgainLater      Code = 1013
	CodeBadGateway         Code = 1014
	CodeTLS                Code = 1015
)

// sendable reports whether a code may stand in a close frame: the assigned ones, and 3000 to 4999
// for libraries and applications (section 7.4.2).
func (c Code) sendable() bool {
	switch c {
	case 1004, CodeNoStatus, CodeAbnormal, CodeTLS:
		return false
	}
	return c >= CodeNormal && c <= CodeBadGateway || c >= 3000 && c <= 4999
}

// AppendClose appends the payload of a close frame to dst. CodeNoStatus appends nothing. The reason
// is cut at a character if the payload would be longer than MaxControl.
func AppendClose(dst []byte, code Code, reason string) []byte {
	if code == CodeNoStatus {
		return dst
	}
	if most := MaxControl - 2; len(reason) > most {
		for most > 0 && !utf8.RuneStart(reason[most]) {
			most--
		}
		reason = reason[:most]
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// ParseClose reads the payload of a close frame: CodeNoStatus if there is none. The reason is a
// part of the payload.
func ParseClose(payload []byte) (code Code, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return CodeNoStatus, nil, nil
	case 1:
		return 0, nil, &Error{CodeProtocolError, "close frame with half a code"}
	}
	code, reason = Code(binary.BigEndian.Uint16(payload)), payload[2:]
	switch {
	case !code.sendable():
		return 0, nil, &Error{CodeProtocolError, "close frame with a code that must not be sent"}
	case !utf8.Valid(reason):
		return 0, nil, &Error{CodeInvalidData, "close frame with a reason that is not UTF-8"}
	}
	return code, reason, nil
}

// acceptGUID is the constant of section 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Accept returns the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}
