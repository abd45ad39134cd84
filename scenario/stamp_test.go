package scenario

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStampRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := stamp{
			run: rapid.Uint32().Draw(t, "run"), stream: rapid.Uint16().Draw(t, "stream"),
			sender: rapid.Uint32().Draw(t, "sender"), seq: rapid.Uint32().Draw(t, "seq"), due: rapid.Int64Min(0).Draw(t, "due"),
		}
		var text [stampText]byte
		want.put(text[:])
		for _, args := range []string{
			`{"$b":"` + string(text[:]) + `","p":"xxx"}`,
			`{"$b":"` + string(text[:]) + `"}`,
			`"first",{"p":"xxx", "$b":"` + string(text[:]) + `"},true`,
		} {
			if got, state := findStamp([]byte(args)); state != okStamp || got != want {
				t.Fatalf("findStamp(%s) = %+v, %v", args, got, state)
			}
		}
		// Any one changed character is noticed, be it of the stamp or of the check.
		i := rapid.IntRange(0, stampText-1).Draw(t, "place")
		c := rapid.SampledFrom([]byte("AZaz09-_\"\n\x00")).Draw(t, "character")
		if text[i] == c {
			return
		}
		text[i] = c
		if got, state := findStamp([]byte(`{"$b":"` + string(text[:]) + `","p":""}`)); state != badStamp {
			t.Fatalf("a damaged stamp passes as %+v", got)
		}
	})
}

func TestStampIsAbsentOrCut(t *testing.T) {
	for args, want := range map[string]stampState{
		``:              noStamp,
		`1,{"a":2}`:     noStamp,
		`{"b":"AAAA"}`:  noStamp,
		`{"$b":"`:       badStamp,
		`{"$b":"AAAA"}`: badStamp,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`:   badStamp,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`:     badStamp,
		`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`: badStamp,
	} {
		if _, got := findStamp([]byte(args)); got != want {
			t.Errorf("findStamp(%s) = %v, want %v", args, got, want)
		}
	}
}

func TestStampCostsNoAllocation(t *testing.T) {
	var text [stampText]byte
	st := stamp{run: 1, due: 2}
	args := []byte(`{"$b":"` + strings.Repeat("A", stampText) + `","p":""}`)
	n := testing.AllocsPerRun(100, func() {
		st.put(text[:])
		copy(args[7:], text[:])
		if got, state := findStamp(args); state != okStamp || got != st {
			t.Fatal("lost the stamp")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFindStamp(f *testing.F) {
	f.Add([]byte(`{"$b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","p":""}`))
	f.Add([]byte(`"$b":"$b":"`))
	f.Fuzz(func(t *testing.T, args []byte) {
		st, state := findStamp(args)
		if state != okStamp {
			return
		}
		var text [stampText]byte
		st.put(text[:])
		if !strings.Contains(string(args), string(text[:])) {
			t.Fatalf("%q: found %+v, which is not in there", args, st)
		}
	})
}
