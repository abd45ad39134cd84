package peer

import (
	"bytes"
	"strings"
	"testing"
)

// frame is a message of the channel.
type frame struct {
	data string
	text bool
}

func frames(t *testing.T, data []byte, bin bool) (out []frame) {
	t.Helper()
	if _, err := split(data, bin, nil, func(f []byte, text bool) error {
		if len(f) > maxFrame {
			t.Errorf("a frame of %d bytes", len(f))
		}
		out = append(out, frame{string(f), text})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestJoinerRefuses(t *testing.T) {
	const first = "\x01\x01\x00\x00\x00\x04"
	for want, list := range map[string][]frame{
		"an empty part":                           {{"", false}},
		"an empty part of":                        {{first, false}},
		"without its first":                       {{"\x02ab", false}},
		"without its first part":                  {{"\x03", false}},
		"empty part of a message":                 {{"\x01\x02\x00\x00\x00\x04ab", false}},
		"first part of 4 bytes of a message of 4": {{first + "abcd", false}},
		"the most are 100":                        {{"\x01\x00\x7f\xff\xff\xffa", false}},
		"message of 101 bytes":                    {{strings.Repeat("a", 101), true}},
		"message of 102 bytes":                    {{"\x00" + strings.Repeat("a", 102), false}},
		"not UTF-8":                               {{"\xff", true}},
		"that is not UTF-8":                       {{"\x01\x00\x00\x00\x00\x02\xff", false}, {"\x02\xff", false}},
		"another message":                         {{first + "ab", false}, {"c", true}},
		"another message between":                 {{first + "ab", false}, {"\x00c", false}},
		"empty part of a":                         {{first + "ab", false}, {"\x02", false}},
		"5 bytes in parts of a message of 4":      {{first + "ab", false}, {"\x02cde", false}},
	} {
		j := joiner{max: 100}
		var err error
		for _, f := range list {
			var done bool
			if _, _, done, err = j.add([]byte(f.data), f.text); done {
				t.Errorf("%v is complete", list)
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", list, err, want)
		}
	}
}

// FuzzJoiner gives a joiner what a peer may send: it neither panics nor keeps more than the limit,
// and what it joins splits into frames that it joins again.
func FuzzJoiner(f *testing.F) {
	f.Add([]byte("\x02hi\x07\x01\x01\x00\x00\x00\x03a\x03\x02bc"), uint8(3))
	f.Add([]byte("\x01\x00"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, texts uint8) {
		const most = 200
		j := joiner{max: most}
		for i := 0; len(data) > 0; i++ {
			n := min(int(data[0]), len(data)-1)
			got, bin, done, err := j.add(data[1:1+n], texts>>(i%8)&1 == 1)
			if data = data[1+n:]; err != nil {
				return
			}
			if cap(j.buf) > 2*most || len(got) > most {
				t.Fatalf("it keeps %d bytes, and gave %d", cap(j.buf), len(got))
			}
			if !done {
				continue
			}
			again := joiner{max: most}
			for _, f := range frames(t, got, bin) {
				back, kind, ok, err := again.add([]byte(f.data), f.text)
				if err != nil || !ok || kind != bin || !bytes.Equal(back, got) {
					t.Fatalf("%q came back as %q, %v, %v", got, back, ok, err)
				}
			}
		}
	})
}

// FuzzSplit joins what is split, of every size.
func FuzzSplit(f *testing.F) {
	for _, n := range []uint32{0, 1, maxFrame - 1, maxFrame, maxFrame + 1, 2 * maxFrame, 3*maxFrame - firstHead - 2, 1 << 20} {
		f.Add(n, true)
		f.Add(n, false)
	}
	f.Fuzz(func(t *testing.T, n uint32, bin bool) {
		data := bytes.Repeat([]byte("0123456789"), int(n%(2<<20))/10+1)[:n%(2<<20)]
		j, completed := joiner{max: 2 << 20}, 0
		for _, f := range frames(t, data, bin) {
			got, kind, done, err := j.add([]byte(f.data), f.text)
			if err != nil {
				t.Fatal(err)
			}
			if done {
				completed++
				if kind != bin || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes, binary %v, came back as %d, %v", len(data), bin, len(got), kind)
				}
			}
		}
		if completed != 1 {
			t.Errorf("%d bytes came back %d times", len(data), completed)
		}
	})
}
