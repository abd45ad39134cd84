package recorded

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, csv, want string }{
		{"seconds", "time,user,room,event,size\n1.5,a,r,say,10\n1.75,b,,\"x, y\",0\n", `[{0s a r say 10 } {250ms b  x, y 0 }]`},
		{"dates", "event,time\nsay,2026-01-02T03:04:05.5+01:00\nsay,2026-01-02T02:04:06Z\n", `[{0s   say -1 } {500ms   say -1 }]`},
		{"order and other columns", "\ufeff\"body\",more,time,user\nhi,1,5,a\n", `[{0s a   2 hi}]`},
		{"before the epoch", "time\n-0.5\n0\n", `[{0s    -1 } {500ms    -1 }]`},
		{"nanoseconds", "time\n1764412345.123456789\n1764412345.1234567891\n", `[{0s    -1 } {0s    -1 }]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			r, err := NewReader(strings.NewReader(c.csv))
			for err == nil {
				var row Row
				if row, err = r.Next(); err == nil {
					got = append(got, fmt.Sprintf("{%v %s %s %s %d %s}", row.At, row.User, row.Room, row.Event, row.Size, row.Body))
				}
			}
			if got := "[" + strings.Join(got, " ") + "]"; !errors.Is(err, io.EOF) || got != c.want {
				t.Errorf("%s %v, want %s", got, err, c.want)
			}
		})
	}
}

// A mistake is shown at its row and column, with a remedy.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ csv, want string }{
		{"", "line 1, column 1: the file is empty; write the names of the columns into its first line: time,user,room,event,size"},
		{"time\n", "line 2, column 1: the log has no rows; write one row for each message"},
		{"time,time\n", "line 1, column 6: the column time is there twice; remove one"},
		{"time,size,body\n", "line 1, column 11: the log has sizes and bodies, and the size of a message follows from its body; remove the column size, or the column body"},
		{"time,user\n1,a\n2,b,c\n", "line 3, column 1: the row has 3 values and the first line 2 columns; correct the row, or put values with commas in quotes"},
		{"time,user\n1,\"a\n", `line 2, column 6: extraneous or missing " in quoted-field; correct the row, or put the value in quotes`},
		{"time,user\n1,\xff\n", "line 2, column 3: the value is not UTF-8; save the file as UTF-8: it may be in Latin-1 or UTF-16"},
		{"time,user\n1,a\n1, \n", "line 3, column 3: the row has no user; name one, or remove the column from all rows"},
		{"time,room\n1,\"a\nb\"\n", "line 2, column 3: the value holds a control character; remove it"},
		{"user,time\na,12:30\n", `line 2, column 3: "12:30" is not a time; write RFC 3339, such as 2026-03-01T12:00:00.250Z, or seconds, such as 12.5`},
		{"time\n1e3\n", `line 2, column 1: "1e3" is not a time; write RFC 3339, such as 2026-03-01T12:00:00.250Z, or seconds, such as 12.5`},
		{"time\n99999999999\n", `line 2, column 1: "99999999999" is not a time; write RFC 3339, such as 2026-03-01T12:00:00.250Z, or seconds, such as 12.5`},
		{"time,size\n1,-4\n", `line 2, column 3: "-4" is not a number of bytes; write a whole number such as 120`},
		{"time,body\n1,x\n2,\"" + strings.Repeat("x", MaxRow+300_000), "line 3, column 1: the row has more than 1048576 bytes; shorten it, or close the quotes"},
	} {
		_, err := Summarize(strings.NewReader(c.csv))
		if bad, ok := errors.AsType[*Error](err); !ok || bad.Error() != c.want {
			t.Errorf("%.40q: %v\nwant %s", c.csv, err, c.want)
		}
	}
}

// What is written is read again: rows, users, rooms, and how many messages each event has.
func TestWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.Bool().Draw(t, "bodies")
		word := rapid.StringMatching(`[a-zé,"' ]{1,6}[a-z]`)
		var rows []Row
		at := time.Duration(0)
		for range rapid.IntRange(1, 30).Draw(t, "rows") {
			row := Row{At: at, User: word.Draw(t, "user"), Room: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "room"), Event: rapid.SampledFrom([]string{"say", "type"}).Draw(t, "event")}
			if bodies {
				row.Body = rapid.StringMatching(`[a-z"\n,]{0,20}`).Draw(t, "body")
				row.Size = len(row.Body)
			} else {
				row.Size = rapid.IntRange(0, 1<<20).Draw(t, "size")
			}
			rows = append(rows, row)
			at += time.Duration(rapid.IntRange(0, 5_000_000).Draw(t, "gap")) * time.Microsecond
		}
		var out strings.Builder
		w, err := NewWriter(&out, bodies)
		for i := 0; i < len(rows) && err == nil; i++ {
			err = w.Write(&rows[i])
		}
		if err != nil || w.Flush() != nil {
			t.Fatal(err)
		}
		r, err := NewReader(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		counts, users, big := map[string]int{}, map[string]bool{}, map[string]int{}
		for i, want := range rows {
			got, err := r.Next()
			if err != nil {
				t.Fatalf("row %d: %v\n%s", i, err, out.String())
			}
			got.line, got.col = want.line, want.col
			if got != want {
				t.Fatalf("row %d: %+v, want %+v", i, got, want)
			}
			counts[want.Event]++
			users[want.User] = true
			big[want.Event] = max(big[want.Event], want.Size)
		}
		s, err := Summarize(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		if s.Rows != len(rows) || len(s.Users) != len(users) || s.Length != rows[len(rows)-1].At || s.Bodies != bodies {
			t.Fatalf("%+v of %d rows", s, len(rows))
		}
		for _, c := range s.Events {
			if c.N != counts[c.Event] || c.Largest != big[c.Event] {
				t.Fatalf("%+v, want %d, at most %d bytes", c, counts[c.Event], big[c.Event])
			}
		}
		for _, row := range rows {
			if room := s.Room(row.Room); row.Room != "" {
				found := false
				for _, m := range s.Members[s.User(row.User)] {
					found = found || int(m) == room
				}
				if !found {
					t.Fatalf("%s is not in %s", row.User, row.Room)
				}
			}
		}
	})
}

// A log of any length takes the memory of its users and rooms.
func TestLongLogsTakeLittleMemory(t *testing.T) {
	const rows = 50_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := Summarize(&endless{left: rows})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || s.Rows != rows || len(s.Users) != 10 {
		t.Fatalf("%+v %v", s, err)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 1<<20 {
		t.Errorf("a log of %d rows keeps %d bytes", rows, kept)
	}
	runtime.KeepAlive(s)
}

// endless is a log that is made while it is read.
type endless struct {
	left int
	head bool
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if !e.head {
		e.head, e.rest = true, []byte("time,user,room,event,size\n")
	}
	for len(e.rest) < len(p) && e.left > 0 {
		e.left--
		e.rest = fmt.Appendf(e.rest, "%d,u%d,r%d,say,100\n", 1_000_000-e.left, e.left%10, e.left%7)
	}
	if len(e.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, e.rest)
	e.rest = append(e.rest[:0], e.rest[n:]...)
	return n, nil
}

func FuzzSummarize(f *testing.F) {
	f.Add([]byte("time,user,room,event,size\n1.5,a,r,say,10\n2,b,,say,0\n"))
	f.Add([]byte("time,body\n2026-01-02T03:04:05Z,\"a\nb\"\n"))
	f.Add([]byte("time,time\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Summarize(strings.NewReader(string(text)))
		if err != nil {
			if bad, ok := errors.AsType[*Error](err); !ok || bad.Line < 1 || bad.Col < 1 || bad.Hint == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		n := 0
		for _, c := range s.Events {
			n += c.N
		}
		if n != s.Rows || s.Rows == 0 || s.Length < 0 || len(s.Members) != len(s.Users) {
			t.Fatalf("%+v", s)
		}
	})
}
