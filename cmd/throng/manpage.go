package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
	"github.com/throng-io/throng/scenario/result"
)

// manPages returns the source of every man page by the name of its file: throng.1, throng-run.1,
// throng-checks.7.
func manPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	var add func(*cobra.Command)
	add = func(cmd *cobra.Command) {
		if cmd != root && (!cmd.IsAvailableCommand() && cmd.Name() != "help") {
			return
		}
		pages[pageName(cmd)+".1"] = commandPage(cmd)
		for _, c := range cmd.Commands() {
			add(c)
		}
	}
	add(root)
	for _, t := range topics() {
		pages["throng-"+t.name+".7"] = pageHead("throng-"+t.name, 7, t.title) + ".SH DESCRIPTION\n" + manual.Roff(t.blocks()[1:]) +
			seeAlso("throng(1)")
	}
	return pages
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// pageHead begins a page. Its date is that of the revision: pages of one revision are the same
// bytes wherever they are made.
func pageHead(name string, section int, about string) string {
	day, _, _ := strings.Cut(result.BuildRevision().Time, "T")
	return fmt.Sprintf(".TH %s %d %s %s %s\n.SH NAME\n%s \\- %s\n", manual.RoffWord(strings.ToUpper(name)), section,
		`"`+day+`"`, manual.RoffWord("throng "+result.Version()), manual.RoffWord("Throng manual"),
		strings.TrimSpace(manual.RoffText(name)), strings.TrimSpace(manual.RoffText(about)))
}

func seeAlso(pages ...string) string {
	return ".SH SEE ALSO\n" + manual.RoffText(strings.Join(pages, ", "))
}

// commandPage is the man page of a command.
func commandPage(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString(pageHead(pageName(cmd), 1, cmd.Short))
	b.WriteString(".SH SYNOPSIS\n" + manual.RoffText(useLine(cmd)))
	what, details := divided(cmd)
	b.WriteString(".SH DESCRIPTION\n" + manual.Roff(append(slices.Clone(what), details...)))
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + manual.Roff([]manual.Block{{Kind: manual.Literal, Text: strings.ReplaceAll(cmd.Example[2:], "\n  ", "\n")}}))
	}
	if sets := flagSets(cmd); len(sets) > 0 {
		b.WriteString(".SH OPTIONS\n")
		for _, set := range sets {
			if len(sets) > 1 {
				b.WriteString(".SS " + manual.RoffWord(set.Name()) + "\n")
			}
			set.VisitAll(func(f *pflag.Flag) { b.WriteString(flagEntry(f)) })
		}
	}
	b.WriteString(seeAlso(related(cmd)...))
	return b.String()
}

// flagEntry is a flag in a man page.
func flagEntry(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if value != "" {
		name += " " + value
	}
	if plain := f.DefValue; !strings.Contains(usage, "(default") && !slices.Contains([]string{"", "false", "0", "[]", "0s"}, plain) {
		usage += " (default " + plain + ")"
	}
	return ".TP\n" + manual.RoffText(name) + manual.RoffText(usage)
}

// related names the pages that a command's page refers to: for throng itself all, else throng.
func related(cmd *cobra.Command) (pages []string) {
	if cmd.HasParent() {
		pages = append(pages, pageName(cmd.Parent())+"(1)")
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			pages = append(pages, pageName(c)+"(1)")
		}
	}
	if !cmd.HasParent() {
		for _, t := range topics() {
			pages = append(pages, "throng-"+t.name+"(7)")
		}
	}
	return pages
}
