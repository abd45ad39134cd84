// Package socketio encodes and decodes the Socket.IO protocol, revision 5: packets, events and
// acks, and the assembly of packets with binary attachments; with the standard JSON parser and with
// the one for MessagePack. Bytes go in and bytes come out; the package does no I/O.
//
// Reading. Every Socket.IO packet is the payload of an Engine.IO message. The owner of a connection
// gives each to a [Decoder], texts to Text and binary messages to Binary, and gets a [Packet]
// whenever one is complete. In one pass over the text [Packet.Parse] splits the header from the
// payload and checks both, down to the last byte of the JSON, without building values and without
// allocating. [SplitEvent] then finds the event's name, and the arguments remain raw JSON until
// a caller decodes them: [NextArg] cuts them off one by one, [Bind] decodes them into variables.
//
//	51-/chat,7["upload",{"_placeholder":true,"num":0}]   Decoder.Text    held back
//	ff d8 ff e0                                          Decoder.Binary  packet of /chat, id 7
//	["upload",{"_placeholder":true,"num":0}]             SplitEvent      upload, {"_placeholder":...}
//	{"_placeholder":true,"num":0}                        Bind(&b)        ff d8 ff e0
//
// Writing. [AppendEvent], [AppendAck] and [AppendConnectError] append a finished packet to a
// buffer; values are written byte for byte as JSON.stringify would, and binary ones are put aside
// as attachments. [Packet.Append] writes a packet whose payload is JSON already.
//
// Parsers. The above is JSON. Where both ends have agreed on MessagePack instead, a packet is one
// binary message, which holds its binary values itself. A [Parser] has the same functions for both:
// with it, and a Decoder that is set to the same, an owner need not know which one it is. Values
// follow one set of rules, the rules of encoding/json, so that a struct made for the one serves the
// other; only where MessagePack has more to say than JSON, of Dates and numbers that are none, does
// it say it.
//
//	85 a4type 02 a4data 92 a6upload c4 04 ff d8 ff e0 a7options 81 ... a2id 07 a3nsp a5/chat
//
// Strictness. A packet of a peer is checked before anything of it is kept, and the limits are
// bounds on memory and time: attachments, their bytes, the depth of JSON. All decoding errors mean
// that the connection has to be closed. The decoder differs from the reference implementation on
// purpose where that is lax:
//
//   - the number of attachments, and the number in a placeholder, must be plain
//     decimals (the reference takes 1.0, 0x1 and 0.5);
//   - an ack id has 1 to 19 digits and is kept as it is (the reference rounds
//     above 2^53 and reads a space as zero);
//   - an Event, BinaryEvent, BinaryAck or ConnectError must have a payload;
//   - text must be valid UTF-8, so that a server can hand it on to others whose
//     WebSocket libraries insist on that (polling lets anything through);
//   - payloads are limited in depth;
//   - in MessagePack, the name of an event is checked at all; an id is not negative,
//     a namespace begins with a slash, no field stands twice, and keys of maps are
//     strings or integers. On the other hand null is as good as no data where a
//     packet needs none, for there are clients that write it.
package socketio
