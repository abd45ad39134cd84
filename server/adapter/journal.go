package adapter

import (
	"context"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// journal is what the namespaces of a server share on JetStream: one stream for all, whose messages
// are those of core NATS. An offset is the number of a message behind the time at which the stream
// was made: a stream in memory that was lost begins again with 1.
type journal struct {
	cluster *Cluster
	bus     *bus.NATS
	at      logPosition

	once sync.Once
	log  *bus.Log // of the first namespace on

	mu         sync.RWMutex
	created    uint64
	namespaces map[string]*recoveryAdapter
}

// journalLog is the log of one namespace.
type journalLog struct {
	all  *journal
	link *roomLink
}

// grace is how long a message is kept beyond the time for which a client may be away: it may have
// been on its way to a socket whose end was noticed only when its heartbeat failed.
const grace = time.Minute

// recover makes l and the stream feed r.
func (j *journal) recover(l *roomLink, r *recoveryAdapter) {
	j.once.Do(func() {
		j.log = j.bus.OpenLog(bus.LogOptions{
			Name: j.cluster.opts.Prefix, Replicas: j.cluster.opts.Replicas, Age: 2*r.within + grace,
			Count: int64(j.cluster.opts.StreamLength), Bytes: int64(r.limit),
		}, j.began, j.arrived)
	})
	k := &journalLog{j, l}
	r.log, r.store, r.publish = k, k, j.bus.Publish
	l.logged = func(m *wire.Message) {
		item, _ := k.entry(m)
		j.bus.Publish(item)
	}
	ending := l.ending
	l.ending = func() {
		ending()
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.namespaces, r.ns.Name())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.namespaces[r.ns.Name()] = r
}

func (j *journal) began(created, last uint64) {
	j.mu.Lock()
	j.created = created
	j.mu.Unlock()
	j.at.advance(wire.Offset{Time: created, Number: last})
}

// arrived passes a message to its namespace.
func (j *journal) arrived(record bus.Record) {
	j.mu.RLock()
	at := wire.Offset{Time: j.created, Number: record.Number}
	j.mu.RUnlock()
	defer j.at.advance(at)
	m := &wire.Message{}
	if err := (wire.Cluster{}).Message(record.Payload, m); err != nil {
		j.cluster.malformed(m.Namespace, err)
		return
	}
	j.mu.RLock()
	r := j.namespaces[m.Namespace]
	j.mu.RUnlock()
	if r != nil && inStream(m.Kind) {
		r.arrived(at, m, string(record.Payload))
	}
}

// entry implements eventLog.
func (k *journalLog) entry(m *wire.Message) (bus.Item, string) {
	payload := k.link.payload(m)
	return bus.LogItem(k.all.cluster.opts.Prefix, m.Namespace, payload), string(payload)
}

// position implements eventLog.
func (k *journalLog) position() *logPosition { return &k.all.at }

// has implements eventLog.
func (k *journalLog) has(ctx context.Context, at wire.Offset) (bool, error) {
	created, first, last, err := k.all.log.Bounds(ctx)
	return err == nil && created == at.Time && first <= at.Number+1 && at.Number <= last, err
}

// read implements eventLog.
func (k *journalLog) read(ctx context.Context, from, to wire.Offset, f func(wire.Offset, *wire.Message) bool) error {
	ns := k.link.ns.Name()
	return k.all.log.Range(ctx, ns, from.Number+1, to.Number, func(record bus.Record) bool {
		m := &wire.Message{}
		if k.link.wire.Message(record.Payload, m) != nil || m.Namespace != ns {
			return true // counted when it arrived
		}
		return f(wire.Offset{Time: from.Time, Number: record.Number}, m)
	})
}

// keep implements sessionStore.
func (k *journalLog) keep(pid, session string, within time.Duration, old bool) {
	k.all.log.Keep(pid, session, within, old)
}

// extend implements sessionStore.
func (k *journalLog) extend(pid string, within time.Duration) { k.all.log.Extend(pid, within) }

// take implements sessionStore.
func (k *journalLog) take(ctx context.Context, pid string) (string, error) {
	return k.all.log.Take(ctx, pid)
}
