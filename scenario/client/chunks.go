package client

import (
	"bytes"
	"fmt"
)

// maxChunkLine bounds a chunk's size line, and a line of the trailers, in bytes.
const maxChunkLine = 4 << 10

// readChunks reads a chunked body that begins at offset head of the unread bytes, then moves the
// chunks together. It returns where the answer ends and how long the body is. What comes besides
// the body, the heads of chunks and trailers, is bounded too: a server can make thousands of bytes
// of it for each byte of the body.
func readChunks(rd *reader, head, limit int) (total, length int, err error) {
	at := head
	for last := false; ; {
		line, next, err := chunkLine(rd, at)
		if err != nil {
			return 0, 0, err
		}
		if next-head-length > limit+maxHead {
			return 0, 0, httpError(fmt.Sprintf("chunks with more than %d bytes of heads and trailers", limit+maxHead))
		}
		at = next
		if last { // trailers, until the empty line
			if len(line) == 0 {
				break
			}
			continue
		}
		n, ok := chunkSize(line)
		switch {
		case !ok:
			return 0, 0, badChunk(line)
		case n == 0:
			last = true
			continue
		}
		if length += n; length > limit {
			return 0, 0, &LimitError{What: "answer", Limit: limit}
		}
		if err := need(rd, at+n+2); err != nil {
			return 0, 0, err
		}
		at += n
		if b := rd.unread(); b[at] != '\r' || b[at+1] != '\n' {
			return 0, 0, httpError("chunk without its end")
		}
		at += 2
	}
	joinChunks(rd.unread()[head:at])
	return at, length, nil
}

// joinChunks moves the data of chunks together at the front of b and returns how long it is. It
// ends at the last chunk, and at what is no chunk or has not come as a whole.
func joinChunks(b []byte) (length int) {
	for at := 0; at < len(b); {
		end := bytes.Index(b[at:], []byte("\r\n"))
		if end < 0 {
			break
		}
		n, ok := chunkSize(b[at : at+end])
		if !ok || n == 0 {
			break
		}
		at += end + 2
		length += copy(b[length:], b[at:min(at+n, len(b))])
		at += n + 2
	}
	return length
}

// chunkSize decodes the line before a chunk: its size, and extensions.
func chunkSize(line []byte) (n int, ok bool) {
	size, _, _ := bytes.Cut(line, []byte{';'})
	return number(bytes.TrimSpace(size), 16)
}

func badChunk(line []byte) error {
	return httpError(fmt.Sprintf("bad chunk size %q", line[:min(len(line), 32)]))
}

// chunkLine returns the line at offset at and where the next one begins.
func chunkLine(rd *reader, at int) (line []byte, next int, err error) {
	for {
		b := rd.unread()
		if i := bytes.Index(b[at:], []byte("\r\n")); i >= 0 {
			return b[at : at+i], at + i + 2, nil
		}
		if len(b)-at > maxChunkLine {
			return nil, 0, httpError("chunk line without end")
		}
		if err := need(rd, len(b)+1); err != nil {
			return nil, 0, err
		}
	}
}
