package socketio

import "slices"

// Limits that a Decoder applies where its fields are zero.
const (
	defaultAttachments = 10
	defaultBytes       = 10_000_000
)

// keepBytes is how much memory a Decoder keeps from one binary packet to the next. A connection
// that once sent a large file must not hold that memory for the rest of its life.
const keepBytes = 4096

// Decoder turns the messages of one Engine.IO session into packets. It parses texts, and holds a
// packet with attachments back until the last one is there.
//
// The zero value is ready for use. A field that is zero or negative means its default. A Decoder
// belongs to the goroutine that reads the connection.
type Decoder struct {
	// Parser is what the packets are encoded with; default JSON. With MessagePack every binary
	// message is a packet, and nothing is ever held back.
	Parser Parser

	// MaxAttachments limits the attachments of one packet; default 10, as in the reference
	// implementation.
	MaxAttachments int

	// MaxBytes limits the attachments of one packet together, in bytes; default 10,000,000, the
	// most that the reference accepts with its own defaults. With the longest text message it
	// bounds what a peer can pin in memory; how long is for the owner to bound, see Pending.
	MaxBytes int

	// MaxDepth limits how deep arrays and objects of a payload may be nested; default 128, at most
	// 1024.
	MaxDepth int

	packet  Packet
	missing int
	total   int    // bytes of the attachments so far
	text    []byte // the pending packet's own copy
	arena   []byte // attachments so far, one behind the other
	ends    []int  // where each ends in arena
	binary  [][]byte
}

// Text takes a text message. It returns the packet, or nil and no error if the packet's attachments
// have yet to come.
//
// The packet aliases b, and is valid until the next call of a method or until b is overwritten. If
// it is held back, b is copied. After an error the connection must be closed; the Decoder holds
// nothing any more.
func (d *Decoder) Text(b []byte) (*Packet, error) {
	if d.missing > 0 || d.Parser == MessagePack {
		d.Reset()
		return nil, ErrUnexpectedText
	}
	d.shrink()
	attachments := d.MaxAttachments
	if attachments <= 0 {
		attachments = defaultAttachments
	}
	if err := d.packet.parse(b, attachments, d.depth()); err != nil {
		d.packet = Packet{}
		return nil, err
	}
	if d.packet.Attachments == 0 {
		return &d.packet, nil
	}
	data := len(d.packet.Data)
	d.text = append(d.text[:0], b...)
	start, err := d.packet.parseHeader(d.text, attachments) // slices of the copy
	if err != nil {
		return nil, err
	}
	d.packet.Data = d.text[start : start+data : start+data]
	d.missing, d.total = d.packet.Attachments, 0
	return nil, nil
}

func (d *Decoder) depth() int {
	if d.MaxDepth <= 0 {
		return defaultDepth
	}
	return min(d.MaxDepth, maxDepth)
}

// Binary takes a binary message: the next attachment or, of MessagePack, a packet. It returns the
// packet if that is complete now, else nil and no error.
//
// The packet, or its last attachment, aliases b; it is valid until the next call of a method or
// until b is overwritten. Errors are as in Text.
func (d *Decoder) Binary(b []byte) (*Packet, error) {
	if d.Parser == MessagePack {
		if err := d.packet.parseMsgpack(b, d.depth()); err != nil {
			d.packet = Packet{}
			return nil, err
		}
		return &d.packet, nil
	}
	if d.missing == 0 {
		d.Reset()
		return nil, ErrUnexpectedBinary
	}
	limit := d.MaxBytes
	if limit <= 0 {
		limit = defaultBytes
	}
	if len(b) > limit-d.total {
		d.Reset()
		return nil, ErrTooLarge
	}
	d.total += len(b)
	if d.missing--; d.missing > 0 {
		d.arena = append(d.arena, b...)
		d.ends = append(d.ends, len(d.arena))
		return nil, nil
	}
	d.binary = d.binary[:0]
	start := 0
	for _, end := range d.ends {
		d.binary = append(d.binary, d.arena[start:end:end])
		start = end
	}
	d.binary = append(d.binary, slices.Clip(b))
	d.packet.Binary = d.binary
	d.arena, d.ends = d.arena[:0], d.ends[:0]
	return &d.packet, nil
}

// Pending returns how many attachments the packet held back still needs, 0 if there is none. A peer
// can leave it so without end and at no cost: a server should close a connection whose packet has
// been pending for too long.
func (d *Decoder) Pending() int { return d.missing }

// Reset drops the packet that was delivered last or is held back, and large buffers with it. An
// owner of many connections calls it when it is done with a packet that had attachments, or else
// their memory is held until the next message arrives.
func (d *Decoder) Reset() {
	d.packet = Packet{}
	d.missing = 0
	d.shrink()
}

// shrink empties the buffers and gives up large ones.
func (d *Decoder) shrink() {
	if d.binary != nil {
		clear(d.binary)
		d.binary = d.binary[:0]
	}
	if cap(d.text) > keepBytes {
		d.text = nil
	}
	if cap(d.arena) > keepBytes {
		d.arena = nil
	}
	d.arena, d.ends = d.arena[:0], d.ends[:0]
}
