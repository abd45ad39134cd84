// Package engineio encodes and decodes the Engine.IO protocol, revision 4: packets, polling
// payloads, the handshake and the error answers of the server; also revision 3, JSONP and
// WebTransport. Bytes go in and bytes come out; the package does no I/O and keeps no state between
// calls.
//
// A packet reaches its peer in one of two forms. In the text form it is one ASCII digit, the
// [Type], and then the payload. In the binary form, which only a message has, there is no type at
// all: the payload is the whole of a WebSocket binary frame. Where binary frames do not exist, on
// polling, a binary message is written as the letter b and standard base64.
//
//	WebSocket text frame    4hello               Parse
//	WebSocket binary frame  01 02 03             Packet{Type: Message, Binary: true, Data: frame}
//	polling body            4hello<RS>bAQID      NewPayload, Next, Packet
//
// Revision 3, spoken by clients of Socket.IO 2, has the same packets and handshake, but says how
// long each packet of a payload is and has the type in front of binary data too.
//
//	WebSocket binary frame  04 01 02 03          ParseBinaryV3
//	polling body            6:4hello6:b4AQID     NewPayloadV3(body, false)
//	  with binary packets   01 04 ff 04 01 02 03 NewPayloadV3(body, true)
//
// On polling, JSONP clients get a payload as a script, AppendJSONP, and send it as a form,
// ParseJSONP. On WebTransport, packets are framed on one stream: FrameSize and ParseFrame.
//
// Reading is in place: the data of a packet is a part of the input, and base64 is decoded over its
// own text. Writing appends to a slice of the caller. Neither allocates, save for the JSON of the
// handshake and for errors.
//
// An input that is not a packet is an error, and every decoding error means the same: the session
// is over, with the reason "parse error". The decoder is stricter than the reference implementation
// in one place, base64: the padding may be missing and the URL-safe alphabet is accepted, but a
// character of neither alphabet is an error where Node skips it.
package engineio
