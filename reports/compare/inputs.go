package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// Input is one side of a comparison: a run, or the cells of a run that have the selected values of
// its matrix.
type Input struct {
	Name   string // as the user wrote it
	Run    *result.Run
	Select map[string]string // axis: value; nil takes all cells

	path string // the part of Name that names the result; "" where Open has not read it
}

// Open reads the result that an argument names: a directory or result.json, and behind a # the
// cells to take from it, as DIR#fanout=batched or DIR#fanout=batched,transport=websocket. Names of
// directories may have a # themselves: the longest that there is counts.
func Open(arg string) (Input, error) {
	return OpenWith(arg, result.Read)
}

// OpenWith reads the result that an argument names, as Open does, by the given function, whose
// error is fs.ErrNotExist where there is none.
func OpenWith(arg string, read func(path string) (*result.Run, error)) (Input, error) {
	in := Input{Name: arg, path: arg}
	var err error
	for chosen := ""; ; {
		if in.Run, err = read(in.path); err == nil {
			in.Select, err = selected(arg, chosen)
			return in, err
		}
		cut := strings.LastIndexByte(in.path, '#')
		if cut < 0 || !errors.Is(err, fs.ErrNotExist) {
			return in, err
		}
		in.path, chosen = arg[:cut], arg[cut+1:]
	}
}

// selected reads the selection of an argument. A value may have a comma: what follows one and is no
// axis=value goes on with the value before it.
func selected(arg, selection string) (map[string]string, error) {
	if selection == "" {
		return nil, nil
	}
	values, last := map[string]string{}, ""
	for part := range strings.SplitSeq(selection, ",") {
		axis, value, ok := strings.Cut(part, "=")
		switch {
		case part == "":
		case ok && axis != "":
			values[axis], last = value, axis
		case last != "":
			values[last] += "," + part
		default:
			return nil, fmt.Errorf("%s: %q is not a selection; write DIR#axis=value", arg, part)
		}
	}
	return values, nil
}

// shortNames are the names of the inputs, without the path that all of them share.
func shortNames(inputs []Input) []string {
	names := make([]string, len(inputs))
	for i, in := range inputs {
		// a folder from elsewhere, named by a pattern of the shell
		name := result.Short(in.Name, result.MaxText)
		names[i] = strings.TrimSuffix(strings.Replace(name, "/"+result.FileName, "", 1), "/")
	}
	share := func(sep string) bool {
		head, _, ok := strings.Cut(names[0], sep)
		if !ok || slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, head+sep) || len(n) == len(head)+len(sep) }) {
			return false
		}
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], head+sep)
		}
		return true
	}
	for share("/") {
	}
	if share("#") {
		share("=") // DIR#axis=a against DIR#axis=b is a against b
	}
	return names
}

// combination is the cells that share all parameters but the compared ones.
type combination struct {
	params map[string]string // those shared
	key    string            // of params: the same for the same ones
	cells  []*result.Cell
}

// by sorts the cells by their value of an axis.
func (g combination) by(axis string) map[string][]*result.Cell {
	of := map[string][]*result.Cell{}
	for _, c := range g.cells {
		if v, ok := c.Params[axis]; ok {
			of[v] = append(of[v], c)
		}
	}
	return of
}

// cells are those that the selection names.
func (in Input) cells() ([]*result.Cell, error) {
	var cells []*result.Cell
	for i := range in.Run.Cells {
		c := &in.Run.Cells[i]
		fits := true
		for k, v := range in.Select {
			fits = fits && c.Params[k] == v
		}
		if fits {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		if len(in.Run.Cells) == 0 {
			return nil, fmt.Errorf("%s: the run ended before its first trial; there is nothing to compare", in.Name)
		}
		return nil, fmt.Errorf("%s: no cell matches: %s", in.Name, axesOf(in.Run))
	}
	return cells, nil
}

// axesOf says which values a run can be asked for.
func axesOf(run *result.Run) string {
	values := map[string][]string{}
	for _, c := range run.Cells {
		for k, v := range c.Params {
			if !slices.Contains(values[k], v) {
				values[k] = append(values[k], v)
			}
		}
	}
	if len(values) == 0 {
		return "it has no matrix"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, k+" is "+strings.Join(values[k], ", "))
	}
	return "its matrix has " + strings.Join(parts, "; ")
}

// grouped sorts cells by the parameters that are not compared, in the order in which the
// combinations first ran. Parameters with one value throughout are left out, so that runs with and
// without them still meet.
func (in Input) grouped(cells []*result.Cell, compared []string) []combination {
	part := &result.Run{}
	for _, c := range cells {
		part.Cells = append(part.Cells, result.Cell{Params: c.Params})
	}
	axes := slices.DeleteFunc(selection.Varying(part), func(k string) bool { return slices.Contains(compared, k) })
	at := map[string]int{}
	var all []combination
	for _, c := range cells {
		params := map[string]string{}
		for _, k := range axes {
			params[k] = c.Params[k]
		}
		key := fmt.Sprintf("%q", params) // fmt sorts the keys
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, combination{params: params, key: key})
		}
		all[i].cells = append(all[i].cells, c)
	}
	return all
}

// pairUp finds for each combination of base the same one of the other side, and those that only
// base or only the other side has. Two sides of one combination each are a pair whatever their
// parameters; how these differ is in the residue.
func pairUp(base, other []combination) (pairs []Pair, only [2][]combination) {
	if len(base) == 1 && len(other) == 1 {
		return []Pair{{rest: base[0].params, base: side{all: base[0].cells}, new: side{all: other[0].cells}}}, only
	}
	left := map[string]combination{}
	for _, o := range other {
		left[o.key] = o
	}
	for _, b := range base {
		o, ok := left[b.key]
		if !ok {
			only[0] = append(only[0], b)
			continue
		}
		delete(left, b.key)
		pairs = append(pairs, Pair{rest: b.params, base: side{all: b.cells}, new: side{all: o.cells}})
	}
	only[1] = slices.DeleteFunc(slices.Clone(other), func(o combination) bool { return left[o.key].cells == nil })
	return pairs, only
}

// missing are notes on the combinations that a side does not have.
func missing(side string, of []combination) (notes []string) {
	for i, o := range of {
		if i == maxNamed {
			return append(notes, fmt.Sprintf("%s: no cells of %s more", side, layout.Plural(len(of)-i, "combination")))
		}
		notes = append(notes, side+": no cells with "+selection.Label(o.cells[0], slices.Sorted(maps.Keys(o.params))))
	}
	return notes
}

// Choices are the combinations of a run's matrix as inputs; without a matrix, the run itself.
func (in Input) Choices() (all []string) {
	name := in.path
	if name == "" {
		name, _, _ = strings.Cut(in.Name, "#")
	}
	for i := range in.Run.Cells {
		choice := name
		if parts := result.ParamList(in.Run.Cells[i].Params); len(parts) > 0 {
			choice += "#" + strings.Join(parts, ",")
		}
		if !slices.Contains(all, choice) {
			all = append(all, choice)
		}
	}
	return all
}
