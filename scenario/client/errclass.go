package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"github.com/throng-io/throng/protocol/engineio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// statusError is an HTTP answer other than the one wanted.
type statusError struct {
	status  int
	engine  bool // the body is a refusal of an Engine.IO server
	code    engineio.ErrorCode
	page    bool // the body is a web page
	message string
}

// newStatusError reads a refusal: JSON as an answer to a plain request, the
// bare message as one to a websocket handshake.
func newStatusError(res response) *statusError {
	e := &statusError{status: res.status}
	if code, message, err := engineio.ParseErrorJSON(res.body); err == nil {
		e.engine, e.code, e.message = true, code, message
		return e
	}
	for code := engineio.UnknownTransport; code <= engineio.UnsupportedProtocol; code++ {
		if string(res.body) == code.String() {
			e.engine, e.code, e.message = true, code, code.String()
			return e
		}
	}
	if to := res.field("Location"); res.status/100 == 3 && to != nil {
		e.message = "moved to " + string(to[:min(len(to), 200)])
		return e
	}
	e.message, e.page = BodyText(res.body), isPage(res.body)
	return e
}

func (e *statusError) Error() string {
	if e.engine {
		return fmt.Sprintf("HTTP status %d: engine error %d, %s", e.status, int(e.code), e.message)
	}
	if e.message != "" {
		return fmt.Sprintf("HTTP status %d: %q", e.status, e.message)
	}
	return fmt.Sprintf("HTTP status %d", e.status)
}

func (e *statusError) class() string {
	if e.engine {
		return "engine." + strconv.Itoa(int(e.code))
	}
	if e.page && e.status == 200 {
		return "page"
	}
	return "http." + strconv.Itoa(e.status)
}

// protocolError is an answer that the protocol does not define.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// versionError is an answer of an older revision of the protocol than the client speaks.
type versionError string

func (e versionError) Error() string { return string(e) }

// newerError is an answer of a newer one.
type newerError string

func (e newerError) Error() string { return string(e) }

// payloadV3 is how revision 3 of Engine.IO begins a session over polling: with the length of the
// open packet.
var payloadV3 = regexp.MustCompile(`^[0-9]+:0\{`)

// notOpen is the error of a first polling body that does not begin with the open packet. old: the
// client speaks revision 3.
func notOpen(body []byte, old bool) error {
	text := fmt.Sprintf("the answer is not the engine's open packet but %q", BodyText(body))
	switch {
	case !old && payloadV3.Match(body):
		return versionError(text)
	case old && bytes.HasPrefix(body, []byte("0{")):
		return newerError(text)
	case isPage(body):
		return &statusError{status: 200, page: true, message: BodyText(body)}
	}
	return protocolError(text)
}

// dialError makes the DialError of a failure at a stage. The end of ctx is the
// reason of whatever went wrong after it.
func dialError(ctx context.Context, stage string, err error) *DialError {
	if done, ok := errors.AsType[*DialError](err); ok {
		return &DialError{Stage: stage, Class: done.Class, Err: done.Err}
	}
	if ctx.Err() != nil && (isTimeout(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled)) {
		return &DialError{Stage: stage, Class: classOf(ctx.Err(), stage), Err: ctx.Err()}
	}
	return &DialError{Stage: stage, Class: classOf(err, stage), Err: err}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &t) && t.Timeout()
}

// errnoClasses are the classes of system errors.
var errnoClasses = []struct {
	errno syscall.Errno
	class string
}{
	{syscall.ECONNREFUSED, "refused"},
	{syscall.ECONNRESET, "reset"},
	{syscall.EPIPE, "reset"},
	{syscall.ECONNABORTED, "reset"},
	{syscall.EADDRNOTAVAIL, "ports"},
	{syscall.EADDRINUSE, "ports"}, // what bind answers when no port of the source address is left
	{syscall.EMFILE, "files"},
	{syscall.ENFILE, "files"},
	{syscall.EHOSTUNREACH, "unreachable"},
	{syscall.ENETUNREACH, "unreachable"},
}

// LimitOf names the limit of this machine that an error of a connection is about: "ports" or
// "files", as the classes of a [DialError]. "": none.
func LimitOf(err error) string {
	for _, e := range errnoClasses {
		if (e.class == "ports" || e.class == "files") && errors.Is(err, e.errno) {
			return e.class
		}
	}
	return ""
}

func classOf(err error, stage string) string {
	var (
		status  *statusError
		refused *ConnectError
		dns     *net.DNSError
		frame   *ws.Error
		http    httpError
		broken  protocolError
		version versionError
		limit   *LimitError
		newer   newerError
		closed  *CloseError
	)
	for _, e := range errnoClasses {
		if errors.Is(err, e.errno) {
			return e.class
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &dns):
		return "dns"
	case isTimeout(err):
		return "timeout"
	case quicClass(err) != "":
		return quicClass(err)
	case errors.As(err, &status):
		return status.class()
	case errors.As(err, &limit):
		return "limit"
	case errors.As(err, &refused):
		return "connect_error"
	case errors.As(err, &version):
		return "version"
	case errors.As(err, &newer):
		return "newer"
	case errors.As(err, &frame), errors.As(err, &http), errors.As(err, &broken):
		return "protocol"
	case errors.As(err, &closed):
		if closed.Reason == ParseError {
			return "protocol"
		}
		return "closed"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed"
	case stage == "tls":
		return "tls"
	}
	return "other"
}

// closeError makes the CloseError of whatever ended a session.
func closeError(err error) *CloseError {
	if e, ok := errors.AsType[*CloseError](err); ok {
		return e
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &CloseError{Reason: TransportClose, Cause: err}
	}
	return &CloseError{Reason: TransportError, Cause: err}
}
