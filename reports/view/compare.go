package view

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"

	"github.com/throng-io/throng/reports/compare"
	"github.com/throng-io/throng/reports/internal/htmlpage"
)

//go:embed view_choose.html
var chooseText string

var chooseTemplate = template.Must(template.Must(htmlpage.PageTemplate.Clone()).New("choose").Parse(chooseText))

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
		v.choose(w, http.StatusBadRequest, &choosePage{Problem: "Choose a base and a run to compare with it."})
		return
	}
	var inputs []compare.Input
	for _, name := range names {
		in, err := compare.OpenWith(name, v.read)
		if err != nil {
			fail(w, err)
			return
		}
		inputs = append(inputs, in)
	}
	c, err := compare.Inputs(inputs, compare.Options{By: q.Get("by"), Base: q.Get("value")})
	if err != nil { // the error says why
		p := &choosePage{Problem: err.Error() + "."} // it may begin with the name of a run
		if len(inputs) == 2 {
			p.Base, p.New = inputs[0].Choices(), inputs[1].Choices()
		}
		v.choose(w, http.StatusUnprocessableEntity, p)
		return
	}
	page, err := c.HTML()
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
