package bus

import (
	"context"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server/internal/wire"
)

// tail knows how many entries a reader of a stream should have read. A reader that falls behind by
// more than the stream keeps is given the next one that is left, and nothing else says so.
type tail struct {
	added int64     // entries that the stream had ever had when the reader was at its end; -1: not known
	read  int64     // entries that were read since
	next  time.Time // of looking
	short bool      // the stream ended before what was read of it, when it was looked at last
}

const (
	// lookEvery is how often a reader looks how many entries there were; less often where that
	// takes more than a twentieth of it.
	lookEvery = time.Second
	// lookAgain is the same where the user may not ask.
	lookAgain = time.Hour
)

// lookBack counts the entries of a stream that were dropped before they were read here. last is the
// id of the entry that was read last, and from the one to go on behind: that, or the end of a
// stream that ends before it. Such a stream was made anew by a server whose clock is behind, or
// belongs to a replica that lacks what was added last: nothing would come until its ids are larger.
// It is looked at twice: during a failover two connections may lead to two servers.
func (r *Redis) lookBack(name, last string, t *tail) (from string) {
	now := time.Now()
	if now.Before(t.next) {
		return last
	}
	added, end, err := r.streamInfo(name)
	t.next = time.Now().Add(max(lookEvery, 20*time.Since(now)))
	if Forbidden(err) {
		t.next = now.Add(lookAgain)
	}
	if err != nil {
		return last
	}
	again := t.short
	t.short = earlier(end, last)
	switch {
	case end == last:
		if missed := added - t.added - t.read; t.added >= 0 && missed > 0 { // else it is another stream
			r.health.fellBehind(name, uint64(missed))
		}
	case t.short && again:
		r.health.beganAgain(name, last, end)
	default:
		return last // others are on their way
	}
	t.added, t.read, t.short = added, 0, false
	return end
}

// earlier compares the ids of two entries.
func earlier(a, b string) bool {
	x, ok := wire.ParseOffset(a)
	y, both := wire.ParseOffset(b)
	return ok && both && x.Compare(y) < 0
}

// streamInfo returns how many entries a stream has ever had, -1 where Redis before 7 does not count
// them, and the id of the last one: "0-0" of a stream that is not there.
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
	added = -1
	if count, counted := info["entries-added"]; counted {
		if added, err = count.AsInt64(); err != nil {
			return 0, "", err
		}
	}
	id := info["last-generated-id"]
	end, err = id.ToString()
	return added, end, err
}
