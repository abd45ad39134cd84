package fleet

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/scenario/client"
)

// Bursts of questions about the time.
const (
	firstBurst = 64 // before the first trial
	burstSize  = 8
	burstEvery = time.Second
	timeWait   = 2 * time.Second
)

// answerTime answers an agent's question at the controller.
func (m *member) answerTime(plain []byte, msg *nats.Msg) {
	came := client.Now()
	if len(plain) != 8 || msg.Reply == "" {
		return
	}
	b := make([]byte, 0, 24)
	b = append(b, plain...) // which question
	b = binary.BigEndian.AppendUint64(b, uint64(came))
	b = binary.BigEndian.AppendUint64(b, uint64(client.Now()))
	_ = m.conn.Publish(msg.Reply, m.keys.seal(stream{kind: clockwise, from: m.self}, m.beats.Add(1), b))
}

// askTime asks the controller for the time.
func (m *member) askTime(ctx context.Context) (e exchange, err error) {
	n := m.beats.Add(1)
	e.asked = client.Now()
	question := binary.BigEndian.AppendUint64(nil, uint64(e.asked))
	ctx, cancel := context.WithTimeout(ctx, timeWait)
	defer cancel()
	msg, err := m.conn.RequestWithContext(ctx, m.subject(clockwise, strconv.Itoa(m.self), 0), m.keys.seal(stream{kind: clockwise, from: m.self}, n, question))
	e.back = client.Now()
	if err != nil {
		return e, err
	}
	_, plain, err := m.keys.open(stream{kind: clockwise, from: m.of}, msg.Data)
	if err != nil || len(plain) != 24 || string(plain[:8]) != string(question) {
		return e, errForged
	}
	e.came = time.Duration(binary.BigEndian.Uint64(plain[8:]))
	e.answered = time.Duration(binary.BigEndian.Uint64(plain[16:]))
	return e, nil
}

// burst asks several times in a row, and leaves out questions without an answer.
func (m *member) burst(ctx context.Context, n int) (all []exchange, err error) {
	for range n {
		e, failed := m.askTime(ctx)
		if failed != nil {
			err = failed
			if ctx.Err() != nil {
				break
			}
			continue
		}
		all = append(all, e)
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, err
}

// keepTime compares the clocks until ctx ends.
func (m *member) keepTime(ctx context.Context) {
	tick := time.NewTicker(burstEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if all, err := m.burst(ctx, burstSize); err == nil {
			m.clk.learn(all, client.Now())
		}
	}
}
