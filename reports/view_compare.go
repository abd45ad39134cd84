package reports

import (
	"bytes"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

//go:embed view_choose.html
var chooseText string

var chooseTemplate = template.Must(template.Must(pageTemplate.Clone()).New("choose").Parse(chooseText))

// choosePage says why runs cannot be compared as they are, and offers the cells that can be.
type choosePage struct {
	Problem string
	Base    []string // NAME or NAME#axis=value
	New     []string
}

func (v *Viewer) compare(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	names := append([]string{q.Get("base")}, q["new"]...)
	if q.Get("by") != "" {
		names = names[:1]
	}
	// The list lets the base be chosen as its own counterpart as well; that is none.
	names = append(names[:1], slices.DeleteFunc(slices.Clone(names[1:]), func(n string) bool { return n == names[0] })...)
	if names[0] == "" || len(names) == 1 && q.Get("by") == "" {
		v.choose(w, http.StatusBadRequest, &choosePage{Problem: "Choose a base and another run to set against it."})
		return
	}
	var inputs []Input
	for _, name := range names {
		in, err := openInput(name, v.read)
		if err != nil {
			fail(w, err)
			return
		}
		inputs = append(inputs, in)
	}
	c, err := Compare(inputs, CompareOptions{By: q.Get("by"), Base: q.Get("value")})
	if err != nil { // the error says why
		p := &choosePage{Problem: upperFirst(err.Error()) + "."}
		if len(inputs) == 2 {
			p.Base, p.New = inputs[0].choices(), inputs[1].choices()
		}
		v.choose(w, http.StatusUnprocessableEntity, p)
		return
	}
	page, err := c.HTML(nil)
	if err != nil {
		fail(w, err)
		return
	}
	html(w, withWayBack(page))
}

func (v *Viewer) choose(w http.ResponseWriter, status int, p *choosePage) {
	var b bytes.Buffer
	if err := chooseTemplate.Execute(&b, p); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(withWayBack(b.Bytes())) // a reader that went away is no matter
}

// choices are the combinations of a run's matrix as inputs; without a matrix, the run itself.
func (in Input) choices() (all []string) {
	name, _, _ := strings.Cut(in.Name, "#")
	for i := range in.Run.Cells {
		params := in.Run.Cells[i].Params
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(params)) {
			parts = append(parts, k+"="+params[k])
		}
		choice := name
		if len(parts) > 0 {
			choice += "#" + strings.Join(parts, ",")
		}
		if !slices.Contains(all, choice) {
			all = append(all, choice)
		}
	}
	return all
}
