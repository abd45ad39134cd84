package main

import (
	_ "embed" // the topics that no manual has
	"strings"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
	"github.com/throng-io/throng/scenarios"
)

//go:embed topics.md
var ownTopics string

// topic is a part of the manual that 'throng help' prints.
type topic struct{ name, title, text string }

// topicNames are the names of the sections of scenarios/README.md, by their headings.
var topicNames = map[string]string{
	"Scenario files": "scenario", "The server": "target", "Groups": "groups", "Before the connection": "login", "Streams: `send`": "streams",
	"Flows and reactions": "flows", "WebTransport": "webtransport", "Phases and faults": "phases", "Bad networks": "network",
	"Several nodes": "nodes", "What is due during an outage": "outage", "Checks": "checks", "Matrix, search, report": "matrix",
}

// topics are the sections of the manual of scenario files, and of topics.md, where each has its
// name in the heading.
func topics() []topic {
	var all []topic
	for _, s := range sections(scenarios.Manual()) {
		if name := topicNames[s.title]; name != "" {
			s.name = name
		}
		all = append(all, s)
	}
	for _, s := range sections(ownTopics) {
		s.name, s.title, _ = strings.Cut(s.title, ": ")
		all = append(all, s)
	}
	return all
}

// sections divides Markdown at its headings. Lines of code are no headings.
func sections(text string) []topic {
	var all []topic
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if title := strings.TrimLeft(line, "#"); !code && title != line && strings.HasPrefix(title, " ") {
			all = append(all, topic{title: strings.TrimSpace(title)})
		} else if len(all) > 0 {
			all[len(all)-1].text += line
		}
	}
	return all
}

// blocks is the text under its title.
func (t topic) blocks() []manual.Block {
	return append([]manual.Block{{Kind: manual.Heading, Text: t.title, Level: 1}}, manual.Parse(t.text)...)
}
