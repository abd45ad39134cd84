package wire

import (
	"encoding/json"
	"testing"
	"time"
)

// The flags that are written by hand are those of the struct that reads them.
func TestFlagsJSON(t *testing.T) {
	for _, volatile := range []bool{false, true} {
		for _, plain := range []bool{false, true} {
			for _, timeout := range []time.Duration{0, 1500 * time.Microsecond, 5 * time.Second, 277 * time.Hour} {
				to := Audience{Volatile: volatile, NoCompress: plain, Timeout: timeout}
				got := string(appendFlagsJSON([]byte("x"), to))
				if want := "x" + string(marshal(optsOf(to).Flags)); got != want {
					t.Errorf("%+v: %s, want %s", to, got, want)
				}
				var read optsJSON
				if err := json.Unmarshal([]byte(`{"flags":`+got[1:]+`}`), &read); err != nil {
					t.Fatal(err)
				}
				if back := read.audience(); back.Volatile != volatile || back.NoCompress != plain || back.Timeout != timeout.Truncate(time.Millisecond) {
					t.Errorf("%+v is read back as %+v", to, back)
				}
			}
		}
	}
}

func BenchmarkBroadcastJSON(b *testing.B) {
	m := &Message{Kind: Broadcast, Event: "chat", Args: []byte(`{"text":"hello","n":7}`), To: Audience{Rooms: []string{"lobby"}, Except: []string{"8yEXMXRZ0bNjaaVvAAAB"}}}
	b.ReportAllocs()
	for b.Loop() {
		_ = broadcastJSON(m)
	}
}
