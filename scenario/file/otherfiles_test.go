package file

import (
	"strings"
	"testing"
)

// What is no scenario but something well known is named, with what to do.
func TestOtherFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"chat.js", "import ws from 'k6/ws';\nexport default function () {}\n", "chat.js:1:1: this is a script of k6, not a scenario; a scenario is YAML: 'throng init NAME --target URL'"},
		{"chat.ts", "// a chat\n\nimport { check } from \"k6\";\n", "chat.ts:3:1: this is a script of k6, not a scenario"},
		{"chat.cjs", "const ws = require('k6/ws')\n", "chat.cjs:1:12: this is a script of k6, not a scenario"},
		{"server.js", "// a server\nconst io = require('socket.io')\n", "server.js:1:1: this is JavaScript, not a scenario"},
		{"locustfile.py", "from locust import User, task\nclass U(User):\n    @task\n    def t(self): pass\n", "locustfile.py:1:1: this is a script of Locust, not a scenario"},
		{"Chat.scala", "class Chat extends Simulation { }\n", "Chat.scala:1:12: this is a simulation of Gatling, not a scenario"},
		{"plan.jmx", "<?xml version=\"1.0\"?>\n<jmeterTestPlan version=\"1.2\"/>\n", "plan.jmx:2:1: this is a test plan of JMeter, not a scenario"},
		{"users.csv", "name,age\nAda,36\n", "users.csv:1:1: this is a table, not a scenario; a scenario names such a file: data: {users: {csv: users.csv}}"},
		{"x.yml", "config: {target: \"http://h:1\"}\nscenarios: []\n", "x.yml:1:1: this is a script of Artillery, not a scenario; 'throng import artillery x.yml' makes a scenario of it"},
		{"x.har", `{"log": {"version": "1.2", "entries": []}}`, "x.har:1:1: this is a recording of a browser, not a scenario; 'throng import har x.har' makes a scenario of it"},
		{"result.json", `{"format": 1, "verdict": "pass", "cells": []}`, "result.json:1:1: this is a result, not a scenario; 'throng report result.json' draws it, and scenario.yaml beside it is what ran"},
		// mistakes in a scenario are still the scenario's
		{"x.yaml", "# import ws from 'k6/ws'\nversion: 1\nname: [x\n", "x.yaml:3:7: the [ that begins here is not closed"},
		{"x.yaml", "version: 1\nname: x\nconfig: {}\nscenarios: []\ngroups: {a: {count: 1}}\n", "x.yaml:3:1: unknown key `config` in the scenario"},
		{"x.yaml", "just a text\n", "x.yaml:1:1: a scenario is a mapping of keys to values"},
	} {
		_, err := Parse(c.name, []byte(c.text), nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s\n%v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := ReadTree("chat.js", []byte("import ws from 'k6/ws';\nexport default function () {}\n")); err == nil || !strings.Contains(err.Error(), "a script of k6") {
		t.Error(err)
	}
}
