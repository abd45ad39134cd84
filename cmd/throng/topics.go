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

// topicNames are the names of the sections of scenarios/README.md, by their headings, and what a
// reader wants to do who needs them.
var topicNames = map[string]topic{
	"Scenario files":               {name: "scenario", title: "Write a scenario: values, variables, arithmetic"},
	"The server":                   {name: "target", title: "Name the server, and what it can do"},
	"Groups":                       {name: "groups", title: "Say who connects, how many, and how"},
	"Before the connection":        {name: "login", title: "Log clients in before they connect"},
	"Streams: `send`":              {name: "streams", title: "Send messages at a rate"},
	"Flows and reactions":          {name: "flows", title: "Go step by step, and react to events"},
	"WebTransport":                 {name: "webtransport", title: "Connect over WebTransport"},
	"Phases and faults":            {name: "phases", title: "Change the load over time, and break something"},
	"Bad networks":                 {name: "network", title: "Lose, delay and limit packets"},
	"Several nodes":                {name: "nodes", title: "Measure a service of several nodes"},
	"What is due during an outage": {name: "outage", title: "Decide what is sent after an outage"},
	"Checks":                       {name: "checks", title: "Say what is good enough"},
	"Matrix, search, report":       {name: "matrix", title: "Compare settings, search a capacity, choose the report"},
}

// topics are the sections of the manual of scenario files, and of topics.md, where each has its
// name in the heading.
func topics() []topic {
	var all []topic
	for _, s := range sections(scenarios.Manual()) {
		named := topicNames[s.title]
		named.text = s.text
		all = append(all, named)
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
