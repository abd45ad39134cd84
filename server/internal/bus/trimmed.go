package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// tail knows how many entries a reader of a stream should have read. A reader that falls behind by
// more than the stream keeps is given the next one that is left, and nothing else says so.
type tail struct {
	added int64     // entries that the stream had ever had when the reader was at its end; -1: not known
	read  int64     // entries that were read since
	next  time.Time // of looking
}

const (
	// lookEvery is how often a reader looks how many entries there were; less often where that
	// takes more than a twentieth of it.
	lookEvery = time.Second
	// lookAgain is the same where nobody says it.
	lookAgain = time.Hour
)

// errUncounted is that of Redis before 7.
var errUncounted = errors.New("the broker does not count the entries of streams")

// lookBack counts the entries of a stream that were dropped before they were read here. last is the
// id of the entry that was read last.
func (r *Redis) lookBack(name, last string, t *tail) {
	now := time.Now()
	if now.Before(t.next) {
		return
	}
	added, end, err := r.streamInfo(name)
	t.next = time.Now().Add(max(lookEvery, 20*time.Since(now)))
	if errors.Is(err, errUncounted) || Forbidden(err) {
		t.next = now.Add(lookAgain)
	}
	if err != nil || end != last {
		return // others are on their way
	}
	if missed := added - t.added - t.read; t.added >= 0 && missed > 0 { // else it is another stream
		r.health.fellBehind(name, uint64(missed))
	}
	t.added, t.read = added, 0
}

// streamInfo returns how many entries a stream has ever had, and the id of the last one: "0-0" of a
// stream that is not there.
func (r *Redis) streamInfo(name string) (added int64, end string, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, openTime)
	defer cancel()
	info, err := r.Client.Do(ctx, r.Client.B().XinfoStream().Key(name).Build()).AsMap()
	if answer, is := rueidis.IsRedisErr(err); is && strings.Contains(answer.Error(), "no such key") {
		return 0, "0-0", nil
	}
	if err != nil {
		return 0, "", err
	}
	count, counted := info["entries-added"]
	if !counted {
		return 0, "", errUncounted
	}
	if added, err = count.AsInt64(); err != nil {
		return 0, "", err
	}
	id := info["last-generated-id"]
	end, err = id.ToString()
	return added, end, err
}
