package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/file"
)

// Every stretch of clients has its share of slow readers, whatever their transports.
func TestSlowReadersAreSpread(t *testing.T) {
	for _, share := range []float64{0, 0.1, 0.25, 0.5, 1} {
		r := &file.Read{Share: share}
		shares := []file.Share{{Name: "a", Share: 0.5}, {Name: "b", Share: 0.5}}
		slow, ofFirst, first := 0, 0, 0
		for i := range 1000 {
			s := ReadsSlowly(r, i)
			if s {
				slow++
			}
			if TransportOf(shares, i) == 0 {
				first++
				if s {
					ofFirst++
				}
			}
			if want := share * float64(i+1); float64(slow) < want-4 || float64(slow) > want+4 {
				t.Fatalf("share %v: %d of the first %d read slowly", share, slow, i+1)
			}
		}
		if got := float64(ofFirst) / float64(first); got < share-0.03 || got > share+0.03 {
			t.Errorf("share %v: %v of those with the first transport", share, got)
		}
	}
	if ReadsSlowly(nil, 3) {
		t.Error("a client of a group without slow readers reads slowly")
	}
}

// Clients that no peer can reach are spread like slow readers, and are not the same ones.
func TestBlockedClientsAreSpread(t *testing.T) {
	for _, share := range []float64{0.1, 0.25, 0.5} {
		p, r := &file.Peers{Blocked: share}, &file.Read{Share: share}
		blocked, slow, both := 0.0, 0.0, 0.0
		for i := range 1000 {
			is, reads := Blocked(p, i), ReadsSlowly(r, i)
			if is {
				blocked++
			}
			if reads {
				slow++
			}
			if is && reads {
				both++
			}
			if want := share * float64(i+1); blocked < want-4 || blocked > want+4 {
				t.Fatalf("share %v: %v of the first %d are blocked", share, blocked, i+1)
			}
		}
		if got := both / slow; got < share-0.03 || got > share+0.03 {
			t.Errorf("share %v: %v of the slow readers", share, got)
		}
	}
	if Blocked(nil, 3) {
		t.Error("a client without peers is blocked")
	}
}

// The rooms of a client differ, and are as many as it joins or there are.
func TestRoomsOfAClient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of, join := rapid.IntRange(1, 40).Draw(t, "of"), rapid.IntRange(0, 50).Draw(t, "join")
		client := rapid.IntRange(0, 10_000).Draw(t, "client")
		seed := rapid.Uint64().Draw(t, "seed")
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 100), of, of).Draw(t, "weights")
		for name, rooms := range map[string][]int{
			"even": EvenRooms(seed, 1, client, of, max(1, join)), "by share": NewRoomShares(weights).Rooms(seed, 1, client, join),
		} {
			want := min(join, of)
			if name == "even" {
				want = min(max(1, join), of)
			}
			if len(rooms) != want {
				t.Fatalf("%s: %d rooms, want %d", name, len(rooms), want)
			}
			slices.Sort(rooms)
			if len(slices.Compact(rooms)) != want || len(rooms) > 0 && (rooms[0] < 0 || rooms[len(rooms)-1] >= of) {
				t.Fatalf("%s: %v of %d", name, rooms, of)
			}
		}
	})
	if got := EvenRooms(1, 0, 5, 0, 3); len(got) != 0 {
		t.Errorf("%v of no rooms", got)
	}
}

// Ranks grow with the size, each tenth has its number of rooms, and rooms that are alike have none.
func TestRankRooms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Float64Range(1, 1000), 2, 60).Draw(t, "sizes")
		sizes[0], sizes[1] = 1, 1000 // so that they differ
		deciles := RankRooms(sizes)
		count := map[int]int{}
		for i := range sizes {
			count[deciles[i]]++
			if deciles[i] < 1 || deciles[i] > 10 {
				t.Fatalf("room %d is in tenth %d", i, deciles[i])
			}
			for j := range sizes {
				if sizes[i] < sizes[j] && deciles[i] > deciles[j] || sizes[i] == sizes[j] && i < j && deciles[i] < deciles[j] {
					t.Fatalf("rooms of %v and %v members are in the tenths %d and %d", sizes[i], sizes[j], deciles[i], deciles[j])
				}
			}
		}
		for _, n := range count {
			if n > len(sizes)/10+1 {
				t.Fatalf("%v rooms by tenth, of %d", count, len(sizes))
			}
		}
	})
	for _, alike := range [][]float64{nil, {5}, {5, 5, 5}, {100, 100.5}} {
		if got := RankRooms(alike); got != nil {
			t.Errorf("%v: %v", alike, got)
		}
	}
}
