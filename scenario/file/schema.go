package file

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
)

// The JSON Schema is made of the parser's tables: each row holds a key's description, form and
// default.

// A form is the schema of a value.
type form map[string]any

// A table is the schema of an object.
type table interface{ definition() (name string, f form) }

// tables are the definitions of the schema, in order. The first is the whole file.
func tables() []table {
	return []table{
		&specTable, &serverTable, &targetTable, &targetsTable, &tlsTable, &sampleTable, &matrixTable, &feederTable, &contractTable, &framesTable, &callTable, &operationTable, &audienceTable, &peerTable,
		&groupTable, &connectTable, &peersTable, &reconnectTable, &readTable, &roomsTable, &streamTable, &flowTable, &stepTable, &repeatTable, &expectTable,
		&httpTable, &extractTable, &beforeTable, &reactionTable, &phaseTable, &faultTable, &rollingTable, &networkTable, &conditionTable, &lineTable, &checkTable, &searchTable, &confirmTable, &reportTable,
	}
}

// definition is the form of the table's object.
func (o *object[T]) definition() (string, form) {
	f := form{"type": "object", "description": o.about, "additionalProperties": false}
	maps.Copy(f, o.shape)
	var keys properties
	var required []string
	for _, row := range o.fields {
		if row.later != "" {
			continue
		}
		if row.required != "" && row.unless == "" {
			required = append(required, row.key)
		}
		value := form{}
		maps.Copy(value, row.is)
		if row.about != "" {
			value["description"] = row.about
		}
		if row.def != nil {
			value["default"] = row.def
		}
		keys = append(keys, property{row.key, value})
	}
	f["properties"] = keys
	if len(required) > 0 {
		f["required"] = required
	}
	return o.def, f
}

// properties returns an object's properties, in the order of its table.
type properties []property

type property struct {
	key   string
	value form
}

// MarshalJSON keeps the order.
func (ps properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.WriteString(jsonString(p.key) + ":")
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Schema returns the JSON Schema (draft 2020-12) of the scenario files that this version reads, for
// editors. It holds every key and the form of every value, but no rules across several values, so
// Parse refuses more. The caller owns the slice.
func Schema() []byte {
	_, top := specTable.definition()
	top["$schema"], top["$id"], top["title"] = "https://json-schema.org/draft/2020-12/schema", "urn:throng:scenario:1", "Throng scenario, version 1"
	defs := slices.Clone(scalars)
	for _, t := range tables()[1:] {
		name, f := t.definition()
		defs = append(defs, property{name, f})
	}
	top["$defs"] = defs
	text, err := marshal(top)
	if err != nil {
		panic(err) // it is made of constants
	}
	var out bytes.Buffer
	_ = json.Indent(&out, text, "", "  ") // of JSON that has just been made
	return append(out.Bytes(), '\n')
}

// scalars are the definitions of values.
var scalars = properties{
	{"variable", form{"type": "string", "pattern": `\$(\{[^{}]*\}|[A-Za-z_])`, "description": "a value with ${name} or $name in it, of vars: or, as ${matrix.AXIS}, of the matrix"}},
	{"text", form{"type": []string{"string", "number", "boolean"}}},
	{"boolean", anyOf(form{"type": "boolean"}, form{"enum": []string{"true", "false"}}, aVariable)},
	{"duration", described(computable(`^\s*(`+plain+`\s*`+timeUnit+`\s*)+$`), "a length of time: 250ms, 30s, 1m30s")},
	{"rate", described(computable(`^\s*`+plain+`\s*[kKM]?\s*/\s*(s|m|h)\s*$`), "how often: 200/s, 2/m, 1k/s")},
	{"size", described(computable(`^\s*`+plain+`\s*`+sizeUnit+`\s*$`), "a number of bytes: 256B, 16KiB, 1MB")},
	{"bytes_rate", described(computable(`^\s*`+plain+`\s*`+sizeUnit+`\s*/\s*s\s*$`), "bytes per second: 8KiB/s, 1MB/s")},
	{"percent", described(likeText(`^\s*`+plain+`\s*%\s*$`), "a share: 5%, 99.9%")},
	{"count", described(anyOf(form{"type": "integer", "minimum": 0}, form{"type": "string", "pattern": `^\s*(0|[1-9]\d*)((\.\d+)?\s*[kKM])?\s*$`}, aVariable, ref("arithmetic")), "a whole number: 500, 10k, 1.5M")},
	{"arithmetic", form{"type": "string", "pattern": arithmeticPattern(), "description": "amounts with + - * / ( ), min, max, ceil, floor and round: ${people} / 20, max(${rate} * 2, 10/s)"}},
	{"distribution", described(likeText(`^(`+strings.Join(distNames, "|")+`)\([^()]+\)$`), "drawn for each: uniform(1s,5s), exp(6m), normal(5s,1s), lognormal(80,0.8), pareto(1s,1.5); in { } it needs quotes")},
	{"ramp", described(likeText(`^\s*`+plain+`\s*%\s*(\.\.\s*`+plain+`\s*%\s*)?$`), "a share, or from one to another over the phase: 50%, 0%..100%")},
	{"transport", described(oneOf(transports...), "websocket, polling, or upgrade: polling first and then websocket, as browsers do; webtransport, or upgrade-webtransport: polling first and then WebTransport")},
	{"format", oneOf(formats...)},
	{"condition", described(likeText(conditionPattern()), "stat(metric{label=value}) op value [over 5s] [in PHASE], such as p99(delivery) < 100ms")},
	{"check", form{"anyOf": []form{ref("condition"), ref("named_check")}}},
}

// Parts of patterns: a number without sign and exponent, and units. The parser's patterns are in
// scalar.go; the schema's allow blanks, which the parser removes first.
const (
	plain    = `\d+(\.\d+)?`
	timeUnit = `(ns|us|ms|s|m|h)`
	sizeUnit = `(([kKmMgG][iI]?)?B|([kmg]i?)?b)`
)

// arithmeticPattern is the form of arithmetic: amounts with operations between them, or a function
// of some. It does not count parentheses.
func arithmeticPattern() string {
	const (
		amount = plain + `(\s*([kKM]?\s*/\s*[smh]|` + sizeUnit + `(\s*/\s*s)?|%|[kKM]|` + timeUnit + `(\s*` + plain + `\s*` + timeUnit + `)*))?`
		call   = `(min|max|ceil|floor|round)\(`
		term   = `(\s|[-+(]|` + call + `)*` + amount + `[\s)]*`
	)
	return `^(` + term + `([-+*/]` + term + `)+|(` + term + `[-+*/])*[\s(+-]*` + call + term + `([-+*/,]` + term + `)*)$`
}

// conditionPattern is the form of a check, as far as one pattern knows it.
func conditionPattern() string {
	choice := func(words []string) string {
		out := make([]string, len(words))
		for i, w := range words {
			out[i] = regexp.QuoteMeta(w)
		}
		// the longer of two that begin alike first
		slices.SortFunc(out, func(a, b string) int { return strings.Compare(b, a) })
		return "(" + strings.Join(out, "|") + ")"
	}
	var named []string
	for _, s := range metric.Stats {
		if s.Name != metric.StatErrors {
			named = append(named, s.Name)
		}
	}
	var kinds []string
	for _, k := range metric.ErrorKinds {
		if !k.Benign {
			kinds = append(kinds, string(k.Kind))
		}
	}
	label := choice(metric.Labels) + `\s*=[^{},]+`
	labels := `\s*(\{\s*` + label + `(,\s*` + label + `)*\}\s*)?`
	return `^\s*((p\d{1,2}(\.\d{1,4})?|` + choice(named) + `)\s*(\(\s*` + choice(metric.Names()) + labels + `\))?` +
		`|` + metric.StatErrors + `\s*(\(\s*` + choice(kinds) + `(\.\w+)*` + labels + `\))?)` +
		`\s*(<=|>=|==|<|>)\s*[0-9]\S*(\s+(%|[nmu]?s|m|h|[kKM]|[kKM]?/[smh]|([kKmMgG][iI]?)?[bB]))?(\s+` + plain + timeUnit + `)*` +
		`(\s+over\s+\d\S*(\s+` + timeUnit + `)?)?(\s+in\s+[a-z][a-z0-9_-]*)?\s*$`
}

func ref(name string) form { return form{"$ref": "#/$defs/" + name} }

func anyOf(forms ...form) form { return form{"anyOf": forms} }

// oneOf is one of some words.
func oneOf(words ...string) form { return anyOf(form{"enum": words}, aVariable) }

// likeText is a text of a pattern.
func likeText(pattern string) form {
	return anyOf(form{"type": "string", "pattern": pattern}, aVariable)
}

// computable is likeText for an amount that arithmetic may stand for.
func computable(pattern string) form {
	return anyOf(form{"type": "string", "pattern": pattern}, aVariable, ref("arithmetic"))
}

// like is a text of a pattern. A YAML reader makes a number or a boolean of some texts that the
// parser takes as they are.
func like(re *regexp.Regexp) form {
	f := form{"type": "string", "pattern": re.String()}
	switch {
	case re.MatchString("5"):
		return anyOf(f, form{"type": []string{"number", "boolean"}}, aVariable)
	case re.MatchString("true"):
		return anyOf(f, form{"type": "boolean"}, aVariable)
	}
	return anyOf(f, aVariable)
}

func listOf(item form) form { return form{"type": "array", "items": item} }

// setOf is a list in which nothing stands twice.
func setOf(item form) form { return with(listOf(item), "uniqueItems", true) }

// mapOf is a mapping with names of one form, nil for any, to values of another, nil for any.
func mapOf(names, values form) form {
	f := form{"type": "object"}
	if names != nil {
		f["propertyNames"] = names
	}
	if values != nil {
		f["additionalProperties"] = values
	}
	return f
}

// atLeastOne is a list or a mapping that is not empty.
func atLeastOne(f form) form {
	if f["type"] == "array" {
		return with(f, "minItems", 1)
	}
	return with(f, "minProperties", 1)
}

func described(f form, about string) form { return with(f, "description", about) }

func with(f form, key string, value any) form {
	out := maps.Clone(f)
	out[key] = value
	return out
}

// requireOne demands one of some keys: exactly one with "oneOf", at least one with "anyOf".
func requireOne(how string, keys ...string) form {
	var each []form
	for _, key := range keys {
		each = append(each, form{"required": []string{key}})
	}
	return form{how: each}
}

// requireTwo is a mapping that has at least two of some keys.
func requireTwo(keys ...string) form {
	var pairs []form
	for i, a := range keys {
		for _, b := range keys[i+1:] {
			pairs = append(pairs, form{"required": []string{a, b}})
		}
	}
	return form{"anyOf": pairs}
}

var (
	aVariable     = ref("variable")
	aText         = ref("text")
	aBool         = ref("boolean")
	aDuration     = ref("duration")
	aRate         = ref("rate")
	aSize         = ref("size")
	aReadRate     = ref("bytes_rate")
	aShare        = ref("percent")
	aCount        = ref("count")
	aRamp         = ref("ramp")
	aDistribution = ref("distribution")
	anything      = form{}
	aLength       = anyOf(aDuration, aDistribution)
	aLevel        = anyOf(aCount, aRate, aSize, aShare)
	// a frame may be any of them
	anEmit     = form{"type": []string{"array", "object", "string", "number", "boolean"}, "minItems": 1}
	anEvent    = form{"allOf": []form{aText, {"not": form{"enum": append([]string{""}, reservedEvents...)}}}}
	aURL       = form{"type": "string", "pattern": `^(/|https?://|.*\$)`}
	aPath      = form{"type": "string", "pattern": `^(\$(\s*[.\[].*)?|.*\$\{.*)$`}
	ourNames   = form{"pattern": reName.String(), "not": form{"enum": reservedNames}}
	numbers    = `\(\s*` + plain + `([, ]+` + plain + `)?\s*\)$`
	axisValues = anyOf(atLeastOne(setOf(aText)), atLeastOne(mapOf(form{"minLength": 1, "maxLength": maxWords}, aText)))

	aDistributionOfNumbers = form{"type": "string", "pattern": `^(` + strings.Join(distNames, "|") + `)` + numbers}
	aRanking               = likeText(`^(zipf|` + strings.Join(distNames, "|") + `)` + numbers)
	aNamespace             = anyOf(
		form{"type": "string", "pattern": `^(/[^,?\s]*|none|.*\$(\{[^{}]*\}|[A-Za-z_]).*)$`},
		atLeastOne(setOf(form{"type": "string", "pattern": `^(/[^,?\s]*|.*\$(\{[^{}]*\}|[A-Za-z_]).*)$`})),
	)
)
