package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A state is what the servers and agents of a stage hold at a moment.
type state struct {
	Servers []holding `json:"servers"`
	Agents  []holding `json:"agents,omitempty"`
}

// A holding is what a process holds.
type holding struct {
	PID         int   `json:"-"`
	Memory      int64 `json:"memory_bytes"` // resident
	Descriptors int   `json:"descriptors"`
	// of servers only
	Goroutines int `json:"goroutines,omitempty"`
	Sessions   int `json:"sessions,omitempty"`
	Sockets    int `json:"sockets,omitempty"`
	Rooms      int `json:"rooms,omitempty"`
	Queued     int `json:"queued_bytes,omitempty"` // for the broker
	Panics     int `json:"panics,omitempty"`
}

// Bounds of what may be left of a cell: the runtime keeps memory for a while, and workers and
// idle connections of one use are there for the next.
const (
	moreGoroutines  = 25
	moreDescriptors = 12
	moreMemory      = 48 << 20
)

// look reads the state of a stage.
func (s *stage) look() (st state, err error) {
	for _, v := range s.servers {
		h, err := v.look()
		if err != nil {
			return st, err
		}
		st.Servers = append(st.Servers, h)
	}
	for _, p := range s.agents {
		h := holding{PID: p.pid()}
		if h.Descriptors, err = descriptors(h.PID); err != nil {
			return st, err
		}
		if h.Memory, err = resident(h.PID); err != nil {
			return st, err
		}
		st.Agents = append(st.Agents, h)
	}
	return st, nil
}

// look reads the metrics of a server.
func (v *server) look() (h holding, err error) {
	h.PID = v.pid()
	resp, err := scraper.Get(v.metrics)
	if err != nil {
		return h, fmt.Errorf("metrics of the server: %w", err)
	}
	defer resp.Body.Close()
	into := map[string]*int{
		"go_goroutines": &h.Goroutines, "process_open_fds": &h.Descriptors, "throng_sessions": &h.Sessions,
		"throng_sockets": &h.Sockets, "throng_rooms": &h.Rooms, "throng_handler_panics_total": &h.Panics, "throng_adapter_queue_bytes": &h.Queued,
	}
	found := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if into[name] == nil && name != "process_resident_memory_bytes" {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return h, fmt.Errorf("metrics of the server: %s: %w", name, err)
		}
		found++
		if name == "process_resident_memory_bytes" {
			h.Memory = int64(number)
			continue
		}
		*into[name] += int(number)
	}
	if found < 7 {
		return h, fmt.Errorf("%s does not offer the metrics of throng serve", v.metrics)
	}
	return h, nil
}

// grown says what a process holds that it did not hold before; "": nothing.
func (h *holding) grown(before holding) string {
	var more []string
	add := func(what string, now, most int) {
		if now > most {
			more = append(more, fmt.Sprintf("%d %s, at most %d are allowed", now, what, most))
		}
	}
	add("sessions", h.Sessions, 0)
	add("sockets", h.Sockets, 0)
	add("rooms", h.Rooms, 0)
	add("bytes for the broker", h.Queued, 0)
	add("panics of handlers", h.Panics, 0)
	add("goroutines", h.Goroutines, before.Goroutines+moreGoroutines)
	add("descriptors", h.Descriptors, before.Descriptors+moreDescriptors)
	add("MiB of memory", int(h.Memory>>20), int((before.Memory+moreMemory)>>20))
	return strings.Join(more, "; ")
}

// settled waits until servers and agents hold what they held before, and says what they hold
// more.
func (s *stage) settled(before state, within time.Duration) (after state, wrong []string, err error) {
	const again = 200 * time.Millisecond
	for n := within / again; ; n-- {
		if after, err = s.look(); err != nil {
			return after, nil, err
		}
		wrong = nil
		note := func(what string, now, before []holding) {
			for i := range now {
				if more := now[i].grown(before[i]); more != "" {
					wrong = append(wrong, fmt.Sprintf("%s %d still has %s", what, i, more))
				}
			}
		}
		note("server", after.Servers, before.Servers)
		note("agent", after.Agents, before.Agents)
		strays, err := s.strays()
		if err != nil {
			return after, nil, err
		}
		for _, line := range strays {
			wrong = append(wrong, "a process is left: "+line)
		}
		if len(wrong) == 0 || n == 0 {
			return after, wrong, nil
		}
		<-time.After(again)
	}
}
