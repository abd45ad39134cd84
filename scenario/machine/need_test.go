package machine

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
)

func parse(t *testing.T, text string) *file.File {
	t.Helper()
	f, err := file.Parse("test.yaml", []byte("version: 1\nname: test\n"+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestShortages(t *testing.T) {
	plenty := Limits{FilesSoft: 1 << 20, FilesHard: 1 << 20, PortLow: 1024, PortHigh: 65535, Memory: 1 << 40, Available: 1 << 40}
	with := func(change func(*Limits)) Limits { l := plenty; change(&l); return l }
	const viewers = "groups: {viewers: {count: 30k, connect: {rate: 10k/s}}}\n"
	for name, tt := range map[string]struct {
		text   string
		limits Limits
		want   []string // what each error holds, in order
	}{
		"enough":          {text: viewers, limits: plenty},
		"unknown limits":  {text: viewers},
		"few descriptors": {text: viewers, limits: with(func(l *Limits) { l.FilesSoft, l.FilesHard = 1024, 4096 }), want: []string{"needs 30064 file descriptors and this machine allows 4096; raise the hard limit (as root `ulimit -n 30064`"}},
		"a soft limit can be raised": {
			text: viewers, limits: with(func(l *Limits) { l.FilesSoft, l.FilesHard = 1024, 30064 }),
		},
		"few ports": {
			text: viewers, limits: with(func(l *Limits) { l.PortLow, l.PortHigh = 32768, 60999 }),
			want: []string{"needs 30000 local ports to one address and this machine allows 28232; give the groups more source addresses (connect: {from: [127.0.0.2, 127.0.0.3]})"},
		},
		"source addresses have ports of their own": {
			text:   "groups:\n  a: {count: 20k, connect: {rate: 10k/s, from: [127.0.0.1]}}\n  b: {count: 20k, connect: {rate: 10k/s}}\n",
			limits: with(func(l *Limits) { l.PortLow, l.PortHigh = 32768, 60999 }),
		},
		"groups share a source address": {
			text:   "groups:\n  a: {count: 20k, connect: {rate: 10k/s, from: [127.0.0.1]}}\n  b: {count: 20k, connect: {rate: 10k/s, from: [127.0.0.1]}}\n",
			limits: with(func(l *Limits) { l.PortLow, l.PortHigh = 32768, 60999 }),
			want:   []string{"needs 40000 local ports from 127.0.0.1 to one address"},
		},
		"little memory": {
			text: viewers, limits: with(func(l *Limits) { l.Memory = 256 << 20 }),
			want: []string{"needs about 445 MiB of memory and this machine has 256 MiB; lower the number of clients"},
		},
		"a target takes its memory elsewhere": {
			text: "target: {url: \"http://192.0.2.1:3000\"}\n" + viewers, limits: with(func(l *Limits) { l.Memory = 300 << 20 }),
		},
		"a foreign source address": {
			text: "groups: {a: {count: 1, connect: {from: [127.0.0.1, 192.0.2.7]}}}\n", limits: plenty,
			want: []string{"connects from 192.0.2.7, which is not an address of this machine; correct connect.from"},
		},
		"each thing once, for the trial that needs most": {
			text:   "matrix: {axes: {n: [10k, 30k, 20k]}}\ngroups: {a: {count: \"${matrix.n}\", connect: {rate: 10k/s}}}\n",
			limits: Limits{FilesSoft: 1024, FilesHard: 1024, PortLow: 1, PortHigh: 5000, Memory: 1 << 20},
			want:   []string{"needs 30064 file descriptors", "needs 30000 local ports", "needs about 445 MiB"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Shortages(parse(t, tt.text).Cells(), tt.limits)
			if len(got) != len(tt.want) {
				t.Fatalf("%d shortages, want %d: %v", len(got), len(tt.want), got)
			}
			for i, s := range got {
				if !strings.Contains(s.Error(), tt.want[i]) {
					t.Errorf("%v\nholds no %q", s, tt.want[i])
				}
				if strings.Contains(s.Error(), "\n") || s.Fix == "" {
					t.Errorf("not one line with a fix: %q", s.Error())
				}
			}
		})
	}
}

// Each client of a room has an end of a channel to each other one, with its memory and its socket.
func TestNeedOfChannels(t *testing.T) {
	with := parse(t, "groups: {a: {count: 32, rooms: {of: 4}, peers: {}}}\n").Spec
	without := parse(t, "groups: {a: {count: 32, rooms: {of: 4}}}\n").Spec
	const ends = 32 * 7
	if p := with.Plan(); p.Channels != ends || p.Files != without.Plan().Files+ends || without.Plan().Channels != 0 {
		t.Errorf("plan %+v", p)
	}
	if got := NeedOf(with).GeneratorBytes - NeedOf(without).GeneratorBytes; got != ends*ChannelBytes {
		t.Errorf("%d bytes more", got)
	}
}

func TestNeedOfTransports(t *testing.T) {
	need := func(transport string) Need {
		return NeedOf(parse(t, "groups: {a: {count: 1000, transport: "+transport+"}}\n").Spec)
	}
	if got := need("websocket"); got.GeneratorBytes != BaseBytes+1000*WebSocketBytes || got.ServerBytes != BaseBytes+1000*ServerWebSocketBytes {
		t.Errorf("websocket: %+v", got)
	}
	if got := need("polling"); got.ServerBytes != BaseBytes+1000*ServerPollingBytes {
		t.Errorf("polling: %+v", got)
	}
	if got := need("upgrade-webtransport"); got.GeneratorBytes != BaseBytes+1000*(ClientBytes+WebTransportBytes) || got.ServerBytes != BaseBytes+1000*ServerWebTransportBytes {
		t.Errorf("WebTransport: %+v", got)
	}
	if got := need("polling"); got.GeneratorBytes != BaseBytes+1000*ClientBytes {
		t.Errorf("polling: %+v", got)
	}
	for group, each := range map[string]int64{"read: {rate: 1KiB/s}": ClientBytes, "flow: [{think: 1s}]": WebSocketBytes + FlowBytes} {
		got := NeedOf(parse(t, "groups: {a: {count: 1000, transport: websocket, "+group+"}}\n").Spec)
		if got.GeneratorBytes != BaseBytes+1000*each {
			t.Errorf("%s: %+v", group, got)
		}
	}
	half := need("{websocket: 50%, polling: 50%}").ServerBytes - BaseBytes
	if half != 500*(ServerWebSocketBytes+ServerPollingBytes) {
		t.Errorf("half of each: %d", half)
	}
}
