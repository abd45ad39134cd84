package file

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Files of other programs that are given in the place of a scenario, and what to do with them.

// ofScripts is the way from a load test that is a program.
const ofScripts = "a scenario is YAML: 'throng init NAME --target URL' writes one to fill in, and 'throng record --target URL' drafts one from what clients do"

// otherTexts are known by what stands in them, from the surest sign to the vaguest.
var otherTexts = []struct {
	sign       *regexp.Regexp
	what, hint string
}{
	{regexp.MustCompile(`(?m)^\s*(import|export)\b.*["']k6(/|["'])|\brequire\(["']k6(/|["'])`), "a script of k6", ofScripts},
	{regexp.MustCompile(`(?m)^\s*(from|import)\s+locust\b`), "a script of Locust", ofScripts},
	{regexp.MustCompile(`\bio\.gatling\b|["']@gatling\.io/|\bextends\s+Simulation\b`), "a simulation of Gatling", ofScripts},
	{regexp.MustCompile(`<jmeterTestPlan\b`), "a test plan of JMeter", ofScripts},
	{regexp.MustCompile(`<tsung\b`), "a scenario of Tsung", ofScripts},
}

// otherNames are known by how their names end.
var otherNames = map[string]struct{ what, hint string }{
	".js": {"JavaScript", ofScripts}, ".mjs": {"JavaScript", ofScripts}, ".cjs": {"JavaScript", ofScripts}, ".ts": {"TypeScript", ofScripts},
	".py": {"Python", ofScripts}, ".scala": {"Scala", ofScripts}, ".java": {"Java", ofScripts}, ".kt": {"Kotlin", ofScripts}, ".go": {"Go", ofScripts},
	".xml": {"XML", ofScripts}, ".jmx": {"XML", ofScripts},
	".csv":   {"a table", "a scenario names such a file: data: {users: {csv: FILE}}, or as a log in send: [{replay: FILE}]"},
	".jsonl": {"a table", "a scenario names such a file: data: {users: {jsonl: FILE}}"},
	".har":   {"a recording of a browser", "'throng import har FILE' makes a scenario of it"},
}

// Other says of a file that is no scenario what it is, by its name and the text that it begins
// with; nil where that is not known. The text may be empty.
func Other(name, text string) *Error {
	for _, o := range otherTexts {
		if at := o.sign.FindStringIndex(text); at != nil {
			from := at[0] + len(text[at[0]:at[1]]) - len(strings.TrimLeft(text[at[0]:at[1]], " \t\r\n"))
			line, col := placeIn(text, from)
			return &Error{File: name, Line: line, Col: col, Msg: "this is " + o.what + ", not a scenario", Hint: o.hint}
		}
	}
	o, known := otherNames[strings.ToLower(filepath.Ext(name))]
	if !known {
		return nil
	}
	return &Error{File: name, Line: 1, Col: 1, Msg: fmt.Sprintf("this is %s, not a scenario", o.what), Hint: strings.ReplaceAll(o.hint, "FILE", clip(name))}
}

// otherTree is Other of a text that has the form of a scenario: keys with values.
func otherTree(name string, root *node) *Error {
	other := func(what, hint string) *Error {
		return &Error{File: name, Line: root.at.line, Col: root.at.col, Msg: "this is " + what + ", not a scenario", Hint: fmt.Sprintf(hint, clip(name))}
	}
	switch log := root.get("log"); {
	case root.get("groups") != nil:
	case root.get("config") != nil && root.get("scenarios") != nil:
		return other("a script of Artillery", "'throng import artillery %s' makes a scenario of it")
	case log.get("entries") != nil:
		return other("a recording of a browser", "'throng import har %s' makes a scenario of it")
	case root.get("cells") != nil && root.get("verdict") != nil:
		return other("a result", "'throng report %s' draws it, and scenario.yaml beside it is what ran")
	}
	return nil
}
