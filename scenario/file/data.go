package file

import (
	"fmt"
	"slices"
	"strings"
)

// The ways in which clients get the rows of a data file. A client keeps its
// row, whatever happens to its connection.
const (
	// one after the other, from the start again at the end; the default
	PickSequential = "sequential"
	PickRandom     = "random" // drawn from the seed
	PickUnique     = "unique" // each row for one client at most
)

// What a row of a data file belongs to.
const (
	EachClient  = "client"
	EachMessage = "message" // of a stream
)

// Feeder is a data file whose rows are dealt to the clients, or to the messages of streams.
type Feeder struct {
	Name string // as templates name it
	Path string // relative to the scenario file, or else to the working directory
	// csv, with the names of the columns in its first line; or jsonl, one object a line
	Format string
	Pick   string
	Each   string      // what has a row of its own: EachClient (default) or EachMessage
	Line   int         // where it is declared
	Col    int         //
	Uses   []ColumnUse // the columns that templates use
	Groups []string    // whose key data names it
}

// ColumnUse is a place where a template names a column of a data file.
type ColumnUse struct {
	Column    string
	Group     string // "": every group; noGroup: none, for that
	Line, Col int
	Set       string // the override that it stands in, "" for the file

	feeder string
}

// finishData gives each use to its feeder, once.
func finishData(d *decoder, root *node, s *Spec) {
	d.unsentUses(s)
	for i := range s.Data {
		f := &s.Data[i]
		for _, u := range d.uses {
			if u.feeder == f.Name && !slices.Contains(f.Uses, u) {
				f.Uses = append(f.Uses, u)
			}
		}
		for j := range s.Groups {
			if slices.Contains(s.Groups[j].Data, f.Name) {
				f.Groups = append(f.Groups, s.Groups[j].Name)
			}
		}
		if len(f.Uses) == 0 && f.Path != "" {
			d.errs.add(at(root.get("data"), f.Name), fmt.Sprintf("nothing uses the data file `%s`", f.Name),
				fmt.Sprintf("write ${%s.COLUMN} in %s, or remove it", f.Name, map[bool]string{true: "the data of a stream, or in a message of the contract", false: "auth, query, headers, data, audiences, contract or flow"}[f.Each == EachMessage]))
		}
	}
}

// needs notes that a template names a column; nobody: no group takes rows for that.
func (d *decoder) needs(feeder, column string, where place, nobody bool) {
	group := d.group
	if nobody {
		group = noGroup
	}
	d.uses = append(d.uses, ColumnUse{Column: column, Group: group, Line: where.line, Col: where.col, Set: where.set, feeder: feeder})
}

// noGroup is no name of a group.
const noGroup = "-"

// UsedBy reports whether clients of a group take rows of the feeder.
func (f *Feeder) UsedBy(group string) bool {
	return slices.Contains(f.Groups, group) || slices.ContainsFunc(f.Uses, func(u ColumnUse) bool { return u.Group == "" || u.Group == group })
}

var eaches = []string{EachClient, EachMessage}

var feederTable = object[Feeder]{
	what: "the data file",
	def:  "feeder", about: "A data file.",
	shape: requireOne("oneOf", "csv", "jsonl"),
	advice: map[string]string{
		"file": "did you mean `csv` (or `jsonl`)?", "path": "did you mean `csv` (or `jsonl`)?", "json": "did you mean `jsonl`? It holds one JSON object a line",
		"order": "did you mean `pick`?", "delimiter": "remove it: commas separate the values", "separator": "remove it: commas separate the values",
		"loop": "remove it: behind the last row comes the first, unless pick: unique refuses too few", "fields": "remove it: the first line names the columns", "header": "remove it: the first line names the columns", "columns": "remove it: the first line names the columns",
	},
	lone:  "csv",
	fresh: func() Feeder { return Feeder{Pick: PickSequential, Each: EachClient} },
	fields: []field[Feeder]{
		{key: "csv", about: "a file with the names of its columns in the first line, beside the scenario or in the working directory", is: aText, set: func(d *decoder, n *node, f *Feeder) { setFeederPath(d, n, f, "csv") }},
		{key: "jsonl", about: "a file with one JSON object a line", is: aText, set: func(d *decoder, n *node, f *Feeder) { setFeederPath(d, n, f, "jsonl") }},
		{key: "pick", about: "which row a client gets; unique: a different row for each client", is: oneOf(picks...), def: "sequential", set: func(d *decoder, n *node, f *Feeder) {
			f.Pick = d.oneOf(n, "pick", picks)
		}},
		{key: "each", about: "client: each client has a row; message: each message of a stream has one", is: oneOf(eaches...), def: EachClient, set: func(d *decoder, n *node, f *Feeder) {
			f.Each = d.oneOf(n, "value of each", eaches)
		}},
	},
	done: func(d *decoder, n *node, f *Feeder) {
		csv, jsonl := n.get("csv"), n.get("jsonl")
		if f.Each == EachMessage && f.Pick == PickUnique {
			d.errs.add(at(n, "pick"), "the number of messages depends on the run, so the rows cannot be unique to them", "write pick: sequential, which begins again at the end, or pick: random")
		}
		switch {
		case csv != nil && jsonl != nil:
			d.errs.add(jsonl.at, "a data file is csv or jsonl, not both", "remove one")
		case csv == nil && jsonl == nil && !slices.ContainsFunc(n.keys, func(e entry) bool { return e.key != "pick" && e.key != "each" }):
			d.errs.add(n.at, "the data file has no name", "write csv: users.csv or jsonl: users.jsonl")
		}
	},
}

func setFeederPath(d *decoder, n *node, f *Feeder, format string) {
	f.Format = format
	f.Path = d.string(n, format, notEmpty(format, "name a file, such as users."+format))
}

func setData(d *decoder, n *node, s *Spec) {
	if !d.isDict(n, "data") {
		return
	}
	for _, e := range n.keys {
		f := feederTable.start()
		f.Name, f.Line, f.Col = e.key, e.at.line, e.at.col
		switch {
		case !reName.MatchString(e.key):
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for a data file", clip(e.key)), "use letters, digits and _, not starting with a digit")
		case slices.Contains(reservedNames, e.key):
			d.errs.add(e.at, fmt.Sprintf("the name `%s` is taken", e.key), "choose another")
		case e.val.null:
			d.errs.add(e.at, fmt.Sprintf("the data file %s has no value", e.key), "write csv: users.csv or jsonl: users.jsonl under it")
			continue
		}
		feederTable.decode(d, e.val, &f)
		if strings.ContainsRune(f.Path, 0) {
			f.Path = ""
		}
		s.Data = append(s.Data, f)
	}
}
