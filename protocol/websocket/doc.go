// Package websocket is the wire format of WebSocket, RFC 6455: frame headers, masking, the rules
// for frames, fragments and close codes, and the key of the opening handshake. Bytes go in and
// bytes come out; the package does no I/O and has no type for connections.
//
// [Header] is the header of one frame, for either direction. A reader calls [Rules.Next] for each
// frame and passes data frames on to [Message.Add], which follows the fragments of a message:
//
//	rules := websocket.Rules{Masked: true, MaxPayload: limit} // what a server asks of its clients
//	f, n, err := rules.Next(b)                          // n == 0: read more and try again
//
// Errors are of type [*Error] and name the code of the close frame that answers them. [Inflate] and
// [AppendDeflated] are for messages that are compressed (RFC 7692), see [Message].Compressed.
package websocket
