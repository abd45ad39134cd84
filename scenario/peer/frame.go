package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxFrame is the most bytes of a message of the channel.
const maxFrame = 65535

// What a binary message of the channel begins with.
const (
	frameWhole = iota
	frameFirst
	frameNext
)

const firstHead = 6 // bytes before the data of a first part

// split passes a message on as messages of the channel, in order, until write fails. What write
// gets may be buf, or data itself; it is valid during the call.
func split(data []byte, bin bool, buf []byte, write func(frame []byte, text bool) error) ([]byte, error) {
	switch {
	case !bin && len(data) <= maxFrame:
		return buf, write(data, true)
	case len(data) < maxFrame:
		buf = append(append(buf[:0], frameWhole), data...)
		return buf, write(buf, false)
	}
	buf = append(buf[:0], frameFirst, 0)
	if bin {
		buf[1] = 1
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(data))) //nolint:gosec // Send bounds it
	for len(data) > 0 {
		n := min(len(data), maxFrame-len(buf))
		buf = append(buf, data[:n]...)
		if err := write(buf, false); err != nil {
			return buf, err
		}
		data = data[n:]
		buf = append(buf[:0], frameNext)
	}
	return buf, nil
}

// A joiner puts messages together again.
type joiner struct {
	max  int // bytes of a message
	buf  []byte
	want int // size of the one that comes in parts; 0: there is none
	bin  bool
}

var (
	errNoPart  = errors.New("an empty part of a message")
	errNoFirst = errors.New("a part of a message without its first part")
	errAmid    = errors.New("another message between the parts of one")
	errText    = errors.New("a text that is not UTF-8")
)

// add takes a message of the channel in. done says that it completes one, which is valid until the
// next call. After an error the stream is broken.
func (j *joiner) add(frame []byte, text bool) (data []byte, bin, done bool, err error) {
	switch {
	case j.want > 0:
		return j.next(frame, text)
	case text:
		return j.whole(frame, false)
	case len(frame) == 0:
		return nil, false, false, errNoPart
	}
	switch frame[0] {
	case frameWhole:
		return j.whole(frame[1:], true)
	case frameFirst:
		return j.first(frame)
	}
	return nil, false, false, errNoFirst
}

func (j *joiner) whole(data []byte, bin bool) ([]byte, bool, bool, error) {
	switch {
	case len(data) > j.max:
		return nil, false, false, tooLarge(len(data), j.max)
	case !bin && !utf8.Valid(data):
		return nil, false, false, errText
	}
	return data, bin, true, nil
}

func (j *joiner) first(frame []byte) ([]byte, bool, bool, error) {
	if len(frame) <= firstHead || frame[1] > 1 {
		return nil, false, false, errNoPart
	}
	size, data := int(binary.BigEndian.Uint32(frame[2:])), frame[firstHead:]
	switch {
	case size > j.max:
		return nil, false, false, tooLarge(size, j.max)
	case len(data) >= size:
		return nil, false, false, fmt.Errorf("a first part of %d bytes of a message of %d", len(data), size)
	}
	// Memory grows with what comes, not with what a head promises.
	j.want, j.bin, j.buf = size, frame[1] == 1, append(j.buf[:0], data...)
	return nil, false, false, nil
}

func (j *joiner) next(frame []byte, text bool) ([]byte, bool, bool, error) {
	switch {
	case text || len(frame) == 0 || frame[0] != frameNext:
		return nil, false, false, errAmid
	case len(frame) == 1:
		return nil, false, false, errNoPart
	case len(j.buf)+len(frame)-1 > j.want:
		return nil, false, false, fmt.Errorf("%d bytes in parts of a message of %d", len(j.buf)+len(frame)-1, j.want)
	}
	j.buf = append(j.buf, frame[1:]...)
	if len(j.buf) < j.want {
		return nil, false, false, nil
	}
	data := j.buf
	j.want, j.buf = 0, nil // a long one should not stay in memory
	if !j.bin && !utf8.Valid(data) {
		return nil, false, false, errText
	}
	return data, j.bin, true, nil
}

func tooLarge(size, most int) error {
	return fmt.Errorf("a message of %d bytes; the most are %d", size, most)
}
