package stamp

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStampRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Stamp{
			Run: rapid.Uint32().Draw(t, "run"), Stream: rapid.Uint16().Draw(t, "stream"),
			Sender: rapid.Uint32().Draw(t, "sender"), Seq: rapid.Uint32().Draw(t, "seq"), Due: rapid.Int64Min(0).Draw(t, "due"),
		}
		var text [TextSize]byte
		want.Put(text[:])
		for _, args := range []string{
			`{"$b":"` + string(text[:]) + `","p":"xxx"}`,
			`{"$b":"` + string(text[:]) + `"}`,
			`"first",{"p":"xxx", "$b":"` + string(text[:]) + `"},true`,
		} {
			if got, state := findJSON([]byte(args)); state != Found || got != want {
				t.Fatalf("findJSON(%s) = %+v, %v", args, got, state)
			}
		}
		// Any one changed character is noticed, be it of the stamp or of the check.
		i := rapid.IntRange(0, TextSize-1).Draw(t, "place")
		c := rapid.SampledFrom([]byte("AZaz09-_\"\n\x00")).Draw(t, "character")
		if text[i] == c {
			return
		}
		text[i] = c
		if got, state := findJSON([]byte(`{"$b":"` + string(text[:]) + `","p":""}`)); state != Damaged {
			t.Fatalf("a damaged stamp passes as %+v", got)
		}
	})
}

func TestStampIsAbsentOrCut(t *testing.T) {
	for args, want := range map[string]State{
		``:              None,
		`1,{"a":2}`:     None,
		`{"b":"AAAA"}`:  None,
		`{"$b":"`:       Damaged,
		`{"$b":"AAAA"}`: Damaged,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`:   Damaged,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`:     Damaged,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`: Damaged,
	} {
		if _, got := findJSON([]byte(args)); got != want {
			t.Errorf("findJSON(%s) = %v, want %v", args, got, want)
		}
	}
}

func TestStampCostsNoAllocation(t *testing.T) {
	var text [TextSize]byte
	st := Stamp{Run: 1, Due: 2}
	args := []byte(`{"$b":"` + strings.Repeat("A", TextSize) + `","p":""}`)
	n := testing.AllocsPerRun(100, func() {
		st.Put(text[:])
		copy(args[7:], text[:])
		if got, state := findJSON(args); state != Found || got != st {
			t.Fatal("lost the stamp")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","p":""}`))
	f.Add([]byte(`"$b":"$b":"`))
	f.Fuzz(func(t *testing.T, args []byte) {
		st, state := findJSON(args)
		if state != Found {
			return
		}
		var text [TextSize]byte
		st.Put(text[:])
		if !strings.Contains(string(args), string(text[:])) {
			t.Fatalf("%q: found %+v, which is not in there", args, st)
		}
	})
}
