package wire

import (
	"slices"
	"strings"
	"testing"
)

// Sessions as the official adapter keeps them, and ours, read and written again.
func TestSession(t *testing.T) {
	const official = "hKNzaWS0c2lkc2lkc2lkc2lkc2lkc2lkc2mjcGlktHBpZHBpZHBpZHBpZHBpZHBpZHBppXJvb21zk7RzaWRzaWRzaWRzaWRzaWRzaWRzaaNyZWQHpGRhdGGDpHVzZXKkWm/Dq6JhdMCjYmluxAIBAg=="
	s, err := ParseSession(official)
	if err != nil || s.ID != "sidsidsidsidsidsidsi" || s.Private != "pidpidpidpidpidpidpi" || !slices.Equal(s.Rooms, []string{"red", "7"}) || s.Offset != "" {
		t.Fatalf("got %+v, %v", s, err)
	}
	var data map[string]any
	if err := msgpack.Bind(s.Data, nil, &data); err != nil || data["user"] != "Zoë" {
		t.Errorf("got %v, %v", data, err)
	}
	s.Offset, s.Incarnation = "1-2", "x"
	again, err := ParseSession(s.Text())
	if err != nil || again.ID != s.ID || again.Offset != "1-2" || again.Incarnation != "x" || !slices.Equal(again.Rooms, s.Rooms) || string(again.Data) != string(s.Data) {
		t.Errorf("got %+v, %v", again, err)
	}
	const bare = "hKNzaWShYaNwaWShYqVyb29tc5GhYaRkYXRhgA==" // an object for data, which official servers hand to the application
	s = Session{ID: "a", Private: "b"}
	if s.Text() != bare {
		t.Errorf("got %s", s.Text())
	}
	if s, err = ParseSession(bare); err != nil || s.Data != nil || len(s.Rooms) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, bad := range []string{"", "?", "gA==", bare[:8], strings.Repeat("k", 100)} {
		if s, err := ParseSession(bad); err == nil {
			t.Errorf("%s is %+v", bad, s)
		}
	}
}

func TestOffset(t *testing.T) {
	for text, want := range map[string]Offset{"1-2": {1, 2}, "1764423000000-0": {1764423000000, 0}, "0-1": {0, 1}} {
		if o, ok := ParseOffset(text); !ok || o != want || o.String() != text {
			t.Errorf("%s is %v, %v", text, o, ok)
		}
	}
	for _, bad := range []string{"", "1", "1-", "-1", "1-2-3", "+1-2", "x-1", "1-18446744073709551616", " 1-1"} {
		if o, ok := ParseOffset(bad); ok {
			t.Errorf("%q is %v", bad, o)
		}
	}
	if !slices.IsSortedFunc([]Offset{{}, {1, 9}, {2, 0}, Offset{2, 0}.Next(), {10, 0}}, Offset.Compare) || (Offset{}).String() != "" {
		t.Error("offsets are not in order")
	}
}

func TestAudience(t *testing.T) {
	for _, c := range []struct {
		rooms, except string
		want          bool
	}{
		{"", "", true},
		{"a", "", true},
		{"c", "", false},
		{"c b", "", true},
		{"id", "", true},
		{"", "a", false},
		{"", "c", true},
		{"a", "b", false},
		{"a", "id", false},
		{"a", "c", true},
	} {
		to := Audience{Rooms: strings.Fields(c.rooms), Except: strings.Fields(c.except)}
		if got := to.Meant("id", []string{"a", "b"}); got != c.want {
			t.Errorf("rooms %q except %q: %v", c.rooms, c.except, got)
		}
	}
}
