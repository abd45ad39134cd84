package engineio

// invalid marks a byte of no alphabet. It has a bit that no sextet has, so the sextets of a group
// can be checked with one OR.
const invalid = 0xff

var sextets = sextetTable()

// sextetTable maps the standard and the URL-safe alphabet. They differ in two characters only and
// never contradict each other, so one table reads both.
func sextetTable() (t [256]uint8) {
	for i := range t {
		t[i] = invalid
	}
	const std = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(std) {
		t[std[i]] = uint8(i)
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}

// decodeBase64 decodes b over itself and returns the number of bytes decoded. Padding may be left
// out, but what is there must be right.
//
// Note: encoding/base64 would need one call for each combination of alphabet and padding, promises
// nothing about overlapping slices, and skips line ends inside the text.
func decodeBase64(b []byte) (n int, ok bool) {
	if len(b)%4 == 0 && len(b) > 0 && b[len(b)-1] == '=' {
		b = b[:len(b)-1]
		if b[len(b)-1] == '=' {
			b = b[:len(b)-1]
		}
	}
	src := b
	for len(src) >= 4 {
		s0, s1, s2, s3 := sextets[src[0]], sextets[src[1]], sextets[src[2]], sextets[src[3]]
		if s0|s1|s2|s3 == invalid {
			return 0, false
		}
		out := b[n : n+3 : n+3]
		out[0] = s0<<2 | s1>>4
		out[1] = s1<<4 | s2>>2
		out[2] = s2<<6 | s3
		n += 3
		src = src[4:]
	}
	switch len(src) {
	case 1:
		return 0, false
	case 2:
		s0, s1 := sextets[src[0]], sextets[src[1]]
		if s0|s1 == invalid {
			return 0, false
		}
		b[n] = s0<<2 | s1>>4
		n++
	case 3:
		s0, s1, s2 := sextets[src[0]], sextets[src[1]], sextets[src[2]]
		if s0|s1|s2 == invalid {
			return 0, false
		}
		b[n] = s0<<2 | s1>>4
		b[n+1] = s1<<4 | s2>>2
		n += 2
	}
	return n, true
}
