package file

import (
	"fmt"
	"strings"
	"testing"
)

// Mistakes in the YAML are reported where they were made, which is often before the place at which
// a parser notices them, and with what to write.
func TestSyntax(t *testing.T) {
	const head = "version: 1\nname: x\ngroups:\n  a:\n    count: 1\n"
	for text, want := range map[string]string{
		// indentation
		head + "     transport: polling\n":                                    "6:6: this line is indented deeper than `count` above it, which has its value already; indent it by 4 spaces, as `count` in line 5, or put the whole value in quotes",
		head + "    connect: {rate: 1/s}\n      transport: polling\n":         "7:7: this line is indented by 6 spaces, as nothing above it is; indent it by 4 spaces, as `connect` in line 6",
		head + "    about: \"quoted\"\n      transport: polling\n":            "7:7: this line is indented deeper than `about` above it, which has its value already; indent it by 4 spaces, as `about` in line 6, or put the whole value in quotes",
		head + "   transport: polling\n":                                      "6:4: this line is indented by 3 spaces, as nothing above it is; indent it by 4 spaces, as `count` in line 5, or by 2 spaces, as `a` in line 4",
		head + "    # a comment\n\n   transport: polling\n":                   "8:4: this line is indented by 3 spaces, as nothing above it is; indent it by 4 spaces, as `count` in line 5, or by 2 spaces, as `a` in line 4",
		head + "phases:\n  - name: hold\n  for: 5s\n":                         "8:3: this line is indented by 2 spaces, as nothing above it is; indent it by 4 spaces, as `name` in line 7, or by no spaces, as `phases` in line 6",
		head + "phases:\n  - {name: up, for: 5s}\n - {name: hold, for: 5s}\n": "8:2: this line is indented by 1 space, as nothing above it is; indent it by 2 spaces, as the - in line 7",
		head + "    \ttransport: polling\n":                                   "6:5: a tab cannot indent; use spaces",
		head + "\ttransport: polling\n":                                       "6:1: a tab cannot indent; use spaces",
		// keys
		"version: 1\nname: x\ngroups:\n  a:\n    count:1\n    transport: polling\n": "5:5: no space stands behind the colon; write count: 1",
		head + "    transport:polling\n    rooms: {of: 1}\n":                        "6:5: no space stands behind the colon; write transport: polling",
		head + "    transport polling\n    rooms: {of: 1}\n":                        "6:5: \"transport polling\" is no key with a value; write key: value, with a colon and a space",
		head + "    - transport: polling\n":                                         "6:5: an item of a list stands among keys; put it below the key that it belongs to, or remove the -",
		head + "    send: - op: echo\n":                                             "6:11: a list cannot begin on the line of its key; begin it on the next line, or write it in [ ]",
		head + "    rooms: of: 10\n":                                                "6:12: a second \": \" stands on this line; put a value that holds \": \" in quotes, or keys with their values in { }",
		// quotes
		"version: 1\nname: \"x\ngroups: {a: {count: 1}}\n":  "2:7: the quote that begins here is not closed; close it on the line on which it begins",
		"version: 1\nname: \"x\nabout: \"y\"\ngroups: {}\n": "2:7: the quote that begins here ends only on a later line, and more text follows it there; close it on the line on which it begins",
		"version: 1\nname: x\nabout: \"y\" and more\n":      "3:12: \"and more\" stands behind a value that is complete; put the whole value in quotes, or remove the rest of the line",
		head + "    flow: [{wait: {event: @all}}]\n":        "6:27: '@' is a reserved character; put the value in quotes",
		head + "    auth: {t: ${env.T}}\n":                  "6:15: ${...} inside { } or [ ] needs quotes; write \"${name}\" in quotes, or $name",
		head + "    auth: {t: \"a\\w\"}\n":                  "escape character 'w'; put the text in single quotes, in which a \\ is itself",
		head + "    auth: {t: {{ token }}}\n":               "6:15: {{ }} is of other programs; write \"${name}\", in quotes",
		"version: 1\nname: x\nabout: 'it's here'\n":         "3:12: \"s here'\" stands behind a value that is complete; put the whole value in quotes, or remove the rest of the line; between single quotes an apostrophe is two of them",
		head + "    auth: {t: &tok}\n":                      "6:15: a & names the value behind it, and none stands there; put a text that begins with & in quotes",
		head + "    auth: {t: &tok, u: 1}\n":                "6:15: a & names the value behind it, and none stands there; put a text that begins with & in quotes",
		head + "    auth: {t: &}\n":                         "6:15: a & names the value behind it, and none stands there; put a text that begins with & in quotes",
		head + "    namespace: [&a, /b]\n":                  "6:17: a & names the value behind it, and none stands there; put a text that begins with & in quotes",
		head + "    flow: [{emit: [subscribe, *]}]\n":       "6:31: a * stands for a value that & has named, and no name stands there; put a text that begins with * in quotes",
		head + "    auth: {t: |x}\n":                        "6:15: a | or > begins a text of several lines; put a value that begins with it in quotes, or begin the text on the next line",
		// brackets
		head + "    flow: [{emit: [join, #general]}]\n":                           "6:19: the [ that begins here is not closed; write ] where it ends; a # behind a space begins a comment: put a value that begins with it in quotes",
		head + "    rooms: {of: 1\n    send: [{op: echo, rate: 1/s}]\n":           "6:12: the { that begins here is not closed; write } where it ends",
		head + "    send: [{op: echo, rate: 1/s}\nslo: [loss == 0]\n":             "6:11: the [ that begins here is not closed; write ] where it ends",
		head + "    send: [{op: echo, rate: 1/s]\n":                               "6:12: the { that begins here is not closed; write } where it ends",
		head + "    send: [{op: echo, rate: 1/s} {op: all, rate: 1/s}]\n":         "6:34: no comma stands before this inside { } or [ ]; write one; a value that holds any of {}[], needs quotes",
		head + "    send: [\n      {op: echo, rate: 1/s}\n      {op: all}\n  ]\n": "8:7: no comma stands before this inside { } or [ ]; write one; a value that holds any of {}[], needs quotes",
		head + "    send: ]\n":                  "nothing opens this bracket; remove it, or put the value in quotes",
		head + "    flow: [, {think: 1s}]\n":    "6:12: nothing stands before this comma; remove it",
		head + "    rooms: {of: 1,, join: 1}\n": "6:19: a key with its value is missing here; remove a comma, or write key: value",
		"%YAML 1.2\nname: x\n":                  "1:1: a line that begins with % is no part of a scenario; put a value that begins with % in quotes",
		"version: 1\nabout: &\n":                "2:8: undefined anchor name; put a text that begins with & in quotes",
		"version: 1\nabout: *\n":                "2:8: undefined alias name; put a text that begins with * in quotes",
		"version: 1\nname: x\n[a]: b\n":         "3:4: a key is a plain text; write key: value",
		// characters that cannot be seen
		head + "\u00a0   transport: polling\n":  "6:1: the character U+00A0 looks like a space, and is none; write a space",
		head + "    transport:\u00a0polling\n":  "6:15: the character U+00A0 looks like a space, and is none; write a space",
		head + "    \u200btransport: polling\n": "6:5: the character U+200B looks like a space, and is none; write a space",
	} {
		_, err := Parse("x.yaml", []byte(text), nil)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		list := mistakes(t, err)
		if len(list) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v\nwant %s", text, err, want)
		}
		// The same file as another system writes it.
		_, again := Parse("x.yaml", []byte(strings.ReplaceAll(text, "\n", "\r\n")), nil)
		if again == nil || again.Error() != err.Error() {
			t.Errorf("%s\nwith CRLF: %v\nwith LF: %v", text, again, err)
		}
	}
}

// Such characters within texts are nobody's mistake.
func TestOddSpacesInTexts(t *testing.T) {
	text := "version: 1\nname: x\nabout: 5\u00a0000 \u200bpeople\ngroups: {a: {count: 1, auth: {t: \"\u00a0x\"}}}\n"
	if _, err := Parse("x.yaml", []byte(text), nil); err != nil {
		t.Error(err)
	}
}

// A line that is indented by one space more or less than it should is named by an error, or by what
// the error says to do, wherever the file stops to make sense.
func TestPlantedIndentation(t *testing.T) {
	planted, refused := 0, 0
	for name, text := range allGood(t) {
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			rest := strings.TrimLeft(line, " ")
			if rest == "" || rest[0] == '#' || i+1 < len(lines) && strings.HasSuffix(rest, "|") {
				continue
			}
			for _, moved := range []string{" " + line, strings.TrimPrefix(line, " ")} {
				if moved == line {
					continue
				}
				planted++
				changed := append(append(append([]string{}, lines[:i]...), moved), lines[i+1:]...)
				_, err := Parse(name, []byte(strings.Join(changed, "\n")), nil)
				if err == nil {
					continue
				}
				refused++
				found := false
				for _, m := range mistakes(t, err) {
					// an item has become a part of its neighbour, or a line is within a text
					near := m.Line == i && strings.Contains(m.Msg, "next item") || m.Line == i+2 && strings.Contains(m.Msg, "than the one above")
					found = found || m.Line == i+1 || near || strings.Contains(m.Hint, fmt.Sprintf("in line %d", i+1))
				}
				if !found {
					t.Errorf("%s:%d: %q has another indentation, and the error is\n%v", name, i+1, moved, err)
				}
			}
		}
	}
	t.Logf("%d lines were moved, %d refused", planted, refused)
	if planted < 1000 || refused < planted/2 {
		t.Errorf("only %d lines were moved, and %d refused", planted, refused)
	}
}
