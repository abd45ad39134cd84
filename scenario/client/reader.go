package client

import (
	"errors"
	"os"
	"sync"
)

const (
	// readSize is one borrowed read buffer: a burst of some hundred broadcasts.
	readSize = 32 << 10
	// ownSize is the buffer kept by a connection that can only be read with a buffer in hand
	// (QUIC, and TLS on other systems than Linux), and one that is borrowed for TLS, and while a
	// connection is being set up: thousands are at once, and what comes is a handshake.
	ownSize = 4 << 10
)

var (
	readPool = sync.Pool{New: func() any { return new([readSize]byte) }}
	dialPool = sync.Pool{New: func() any { return new([ownSize]byte) }}
)

// reader reads a connection into a buffer that it holds only while there are
// bytes in it. A client that waits holds none: on a raw connection the read is
// tried with a borrowed buffer, which goes back to the pool when there is
// nothing to read, before the goroutine parks.
//
// buf[r:w] is unread. Slices of it are valid until the next fill.
type reader struct {
	src   *conn
	buf   []byte // borrowed (readSize, or ownSize), own (QUIC), or larger while a large message is in it
	r, w  int
	rest  []byte // unread bytes of a parked reader, few
	try   func(fd uintptr) bool
	once  bool // do not park, answer (0, nil)
	dials bool // the connection is being set up, or has only short answers: a small buffer will do
	may   bool // of a connection that Readers read: this turn has a read left
	lent  bool // likewise, for this turn
	n     int  // result of try
	err   error

	times        // of the last read
	stamped bool // the kernel notes when bytes arrive

	pace *pace // of a slow client; nil: read what there is
	most int   // bytes of the next read that it allows

	// late is asked when the read deadline has passed; nil: that is an error
	// like any other.
	late func(*reader) error
}

func newReader(src *conn) *reader {
	rd := &reader{src: src, dials: true, times: times{drained: Now()}}
	if src.raw != nil {
		rd.try = rd.attempt
		rd.stamped = stampArrivals(src.raw)
	}
	return rd
}

// unread returns the bytes that were read and not yet consumed.
func (rd *reader) unread() []byte {
	if rd.buf == nil && rd.rest != nil {
		rd.borrow()
	}
	return rd.buf[rd.r:rd.w]
}

// consume takes n bytes off the unread ones. They stay valid until the next fill.
func (rd *reader) consume(n int) { rd.r += n }

// fill reads once more, waiting as long as it takes, and adds at least one
// byte to the unread ones or returns an error.
func (rd *reader) fill() error {
	if rd.src.moved != nil {
		return rd.fillTurn()
	}
	_, err := rd.read(false)
	if err != nil && rd.late != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return rd.late(rd)
	}
	return err
}

// fillTurn is fill once in a turn, and errWait in place of waiting.
func (rd *reader) fillTurn() error {
	if !rd.may {
		return errWait
	}
	rd.may = false
	if n, err := rd.read(true); n > 0 || err != nil {
		return err
	}
	return errWait
}

// fillNow is fill without waiting: n is 0 if there is nothing to read now.
func (rd *reader) fillNow() (n int, err error) {
	if !rd.src.borrows() {
		return 0, nil
	}
	return rd.read(true)
}

func (rd *reader) read(once bool) (n int, err error) {
	if rd.pace != nil {
		if rd.most = rd.pace.allow(once); rd.most == 0 {
			return 0, nil
		}
		defer func() { rd.pace.took(n) }()
	}
	rd.room()
	rd.n, rd.err, rd.once = 0, nil, once
	switch moved := rd.src.moved; {
	case moved != nil:
		moved.attempt(rd)
		n, err = rd.n, rd.err
		rd.src.bytes.in.Add(uint64(n))
	case rd.src.raw == nil:
		n, err = rd.readThrough()
	default:
		if err = rd.src.raw.Read(rd.try); err == nil {
			n, err = rd.n, rd.err
			rd.src.bytes.in.Add(uint64(n))
		}
	}
	rd.w += n
	if n > 0 {
		rd.noteRead()
		err = nil // an error that came with bytes comes again without them
	}
	return n, err
}

// readThrough reads what cannot be read raw. It waits for what is beneath TLS without a buffer.
func (rd *reader) readThrough() (n int, err error) {
	secure := rd.src.secure()
	for {
		if rd.buf == nil {
			rd.borrow()
		}
		if secure == nil {
			rd.src.waits.Store(true)
		}
		n, err = rd.src.Read(rd.space())
		rd.src.waits.Store(false)
		// With bytes it is about an alert behind them, which has come in part.
		if n > 0 || err != errLater { //nolint:errorlint // TLS does not wrap it
			return n, err
		}
		rd.park()
		err = secure.await()
		rd.src.waits.Store(false)
		if err != nil {
			return 0, err
		}
	}
}

// noteRead notes the time of a read that has brought bytes. It is apart from read, on whose stack
// idle clients wait.
func (rd *reader) noteRead() {
	if below := rd.src.below; below != nil {
		rd.times = below.latest()
		rd.at = Now() // it has been decrypted
		return
	}
	rd.note()
	if rd.pace == nil { // a slow reader is late on purpose
		rd.src.bytes.note(&rd.times)
	}
}

// space is where the next read goes.
func (rd *reader) space() []byte {
	b := rd.buf[rd.w:]
	if rd.pace != nil && len(b) > rd.most {
		b = b[:rd.most]
	}
	return b
}

// room makes the buffer fit for another read: gives a large one back when its message is consumed,
// moves the unread bytes to the front, or doubles it. It grows with the bytes that have arrived,
// never with an announced length, which a server could forge.
func (rd *reader) room() {
	if rd.buf == nil {
		return
	}
	if rd.r == rd.w {
		rd.r, rd.w = 0, 0
		if len(rd.buf) > readSize || !rd.src.lends() && len(rd.buf) > ownSize {
			rd.buf = nil
		}
		return
	}
	if rd.w < len(rd.buf) {
		return
	}
	if rd.r > len(rd.buf)/2 {
		rd.w = copy(rd.buf, rd.buf[rd.r:rd.w])
		rd.r = 0
		return
	}
	larger := make([]byte, 2*len(rd.buf))
	n := copy(larger, rd.buf[rd.r:rd.w])
	rd.release()
	rd.buf, rd.r, rd.w = larger, 0, n
}

// borrow takes a buffer and copies the bytes kept by a parked reader to its front.
func (rd *reader) borrow() {
	switch {
	case !rd.src.lends():
		rd.buf = make([]byte, max(ownSize, 2*len(rd.rest)))
	case (rd.dials || rd.src.secure() != nil) && len(rd.rest) < ownSize/2: // TLS has one record at a time
		rd.buf = dialPool.Get().(*[ownSize]byte)[:]
	default:
		rd.buf = readPool.Get().(*[readSize]byte)[:]
	}
	rd.r, rd.w = 0, copy(rd.buf, rd.rest)
	rd.rest = nil
}

// park gives the buffer back before the goroutine waits. A frame that has
// arrived in part is kept in a slice of its own; a large part stays where it is.
func (rd *reader) park() {
	if rd.buf == nil || !rd.src.lends() {
		return
	}
	unread := rd.buf[rd.r:rd.w]
	if len(unread) > readSize/4 {
		return
	}
	if len(unread) > 0 {
		rd.rest = append([]byte(nil), unread...)
	}
	rd.release()
}

// release drops the buffer; the pool takes it back if it came from there.
func (rd *reader) release() {
	if rd.src.lends() {
		switch len(rd.buf) {
		case readSize:
			readPool.Put((*[readSize]byte)(rd.buf))
		case ownSize:
			dialPool.Put((*[ownSize]byte)(rd.buf))
		}
	}
	rd.buf, rd.r, rd.w = nil, 0, 0
}

// end is release where nothing is read any more.
func (rd *reader) end() {
	rd.release()
	if t := rd.src.secure(); t != nil {
		t.release()
	}
}
