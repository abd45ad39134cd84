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

// topicNames are the names of the sections of scenarios/README.md, by their headings, which say
// what a reader wants to do.
var topicNames = map[string]string{
	"The manual: what to read for what":    "manual",
	"Write a scenario":                     "scenario",
	"Test your own server":                 "target",
	"Test servers of other protocols":      "protocols",
	"Use the built-in server":              "server",
	"Say who connects":                     "groups",
	"Give each client its own data":        "data",
	"Log clients in":                       "login",
	"Send messages at a rate":              "streams",
	"Follow users step by step":            "flows",
	"Replay, record and import traffic":    "replay",
	"Connect over WebTransport":            "webtransport",
	"Connect clients to each other":        "peers",
	"Change the load, and break something": "phases",
	"Send over bad networks":               "network",
	"Measure several nodes":                "nodes",
	"Decide what is sent after an outage":  "outage",
	"Say what is good enough":              "checks",
	"Read a result":                        "verdict",
	"Find the capacity":                    "search",
	"Compare builds and settings":          "matrix",
	"Watch a run, and keep its results":    "results",
	"Reference: metrics":                   "metrics",
	"Reference: templates":                 "templates",
}

// topics are the sections of the manual of scenario files, and of topics.md, where each has its
// name in the heading.
func topics() []topic {
	var all []topic
	for _, s := range sections(scenarios.Manual()) {
		s.name = topicNames[s.title]
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
