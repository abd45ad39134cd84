package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenarios"
)

// allCommands are throng's commands and those below them, without hidden ones.
func allCommands(root *cobra.Command) (all []*cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() == "completion" || c.Hidden {
			continue
		}
		all = append(all, c)
		all = append(all, allCommands(c)...)
	}
	return all
}

// A stranger reads the help first: what a command does, then examples, then its flags, in lines that
// a terminal of 80 columns holds.
func TestHelp(t *testing.T) {
	for _, c := range allCommands(newRoot()) {
		if c.Short == "" || c.Long == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q, %q", c.CommandPath(), c.Short, c.Long)
		}
		if n := strings.Count(c.Example, "\n") + 1; c.Example == "" || n > 4 {
			t.Errorf("%s has %d examples", c.CommandPath(), n)
		}
		words := strings.Fields(c.CommandPath())[1:]
		out, _, code := throng(t, append(slices.Clone(words), "--help")...)
		examples, usage := strings.Index(out, "\nExamples:\n"), strings.Index(out, "\nUsage:\n")
		if code != exitPass || examples < 0 || usage < examples || strings.Count(out[:examples], "\n") > 10 {
			t.Errorf("%s --help: exit code %d, examples at %d, usage at %d:\n%s", c.CommandPath(), code, examples, usage, out)
		}
		if help, _, _ := throng(t, append([]string{"help"}, words...)...); help != out {
			t.Errorf("throng help %s is not %s --help", words, c.CommandPath())
		}
		narrow(t, c.CommandPath(), out)
	}
	out, _, _ := throng(t)
	narrow(t, "throng", out)
	for _, c := range newRoot().Commands() {
		if c.IsAvailableCommand() && !strings.Contains(out, "\n  "+c.Name()+" ") {
			t.Errorf("throng's help does not list %s", c.Name())
		}
	}
}

// narrow fails for lines that are broken by a terminal of 80 columns and could have been shorter.
func narrow(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); len([]rune(line)) > helpWidth+4 && strings.Contains(line[len(line)-helpWidth:], " ") {
			t.Errorf("%s: a line is %d wide: %s", what, len([]rune(line)), line)
		}
	}
}

func TestHelpOfTopics(t *testing.T) {
	for _, topic := range topics() {
		if strings.ContainsAny(topic.name, " `") || topic.name == "" {
			t.Errorf("a section of scenarios/README.md has no name: give it one in topicNames: %.80s", topic.text)
		}
		out, errs, code := throng(t, "help", topic.name)
		if code != exitPass || strings.Count(out, "\n") < 4 {
			t.Errorf("throng help %s: exit code %d, %s%s", topic.name, code, out, errs)
		}
		if commandNamed(newRoot(), topic.name) != nil {
			t.Errorf("%s is a command, too", topic.name)
		}
	}
	for _, wrong := range [][]string{{"chekcs"}, {"run", "quickstart"}, {"import", "ha"}} {
		if _, errs, code := throng(t, append([]string{"help"}, wrong...)...); code != exitUsage || !strings.Contains(errs, "neither a command nor a topic") {
			t.Errorf("throng help %s: exit code %d, %s", wrong, code, errs)
		}
	}
}

// Every command and topic has a page, without a word of the machine that makes it.
func TestManPages(t *testing.T) {
	t.Setenv("NATS_URL", "nats://user:secret@example")
	dir := t.TempDir()
	if _, errs, code := throng(t, "help", "--man", dir); code != exitPass {
		t.Fatal(errs)
	}
	names := []string{"throng.1"}
	for _, c := range allCommands(newRoot()) {
		names = append(names, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	}
	for _, topic := range topics() {
		names = append(names, "throng-"+topic.name+".7")
	}
	home, _ := os.UserHomeDir()
	var paths []string
	for _, name := range names {
		path := filepath.Join(dir, "man"+name[len(name)-1:], name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		paths = append(paths, path)
		for _, want := range []string{".TH ", ".SH NAME\n", ".SH DESCRIPTION\n", ".SH SEE ALSO\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
		if home != "/" && strings.Contains(string(text), home) || strings.Contains(string(text), "secret@") {
			t.Errorf("%s holds what is only here", name)
		}
	}
	// make release-check wants no warning either: a build for tests has no date.
	if out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "error"}, paths...)...).CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// Commands in the help and in the manuals are what the program takes: its commands, flags and
// arguments; ready scenarios exist, and have what is set.
func TestExamples(t *testing.T) {
	lines := map[string]string{}
	for _, c := range append(allCommands(newRoot()), newRoot()) {
		for line := range strings.Lines(c.Example) {
			lines[line] = "throng help " + c.Name()
		}
	}
	for name, text := range documents(t) {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "throng ") && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "throng ")) {
				lines[line] = name
			}
		}
		for _, m := range inlineCommand.FindAllStringSubmatch(text, -1) {
			lines[strings.Join(strings.Fields(m[1]), " ")] = name
		}
	}
	n := 0
	for line, where := range lines {
		for _, words := range commandsIn(line) {
			if err := takes(words); err != nil {
				t.Errorf("%s: %s: %v", where, strings.TrimSpace(line), err)
			}
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d examples were found", n)
	}
}

// documents are the texts of the project that show commands, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", "out", ".git", "testdata"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, "../../")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A flag that a manual names is one of some command.
func TestFlagsOfManuals(t *testing.T) {
	known := map[string]bool{"help": true, "version": true}
	for _, c := range allCommands(newRoot()) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	}
	n := 0
	for name, text := range documents(t) {
		if strings.HasPrefix(name, "bench/") || name == "CONTRIBUTING.md" {
			continue // which speak of the programs there: see the tests of bench
		}
		for _, m := range inlineFlag.FindAllStringSubmatch(text, -1) {
			if n++; !known[m[1]] {
				t.Errorf("%s names --%s, which no command has", name, m[1])
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d flags were found", n)
	}
}

var (
	inlineFlag    = regexp.MustCompile("`--([a-z][a-z0-9-]*)")
	inlineCommand = regexp.MustCompile("[^`]`(throng [a-z][^`]*)`")
	shellWord     = regexp.MustCompile(`'[^']*'|"[^"]*"|&&|[|;>]|[^\s'"|;>]+(?:'[^']*'|"[^"]*")?`)
)

// commandsIn returns the words of each call of throng in a line for a shell; none of a line that
// leaves something out.
func commandsIn(line string) (calls [][]string) {
	line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
	if strings.Contains(line, "...") || strings.Contains(line, "…") {
		return nil
	}
	var words []string
	for _, w := range append(shellWord.FindAllString(line, -1), ";") {
		switch {
		case strings.Contains("&&|;>", w):
			if len(words) > 0 && words[0] == "throng" {
				calls = append(calls, words)
			}
			words = nil
		default:
			words = append(words, strings.NewReplacer("'", "", `"`, "").Replace(w))
		}
	}
	return calls
}

// takes reports why the program would refuse the words of a command before it does anything.
func takes(words []string) error {
	root := newRoot()
	cmd, rest, err := root.Find(words[1:])
	switch {
	case err != nil:
		return err
	case cmd == root && len(words) > 1:
		return noSuchCommand(root, words[1:])
	}
	if err := cmd.ParseFlags(rest); err != nil {
		if _, named := errors.AsType[*pflag.ValueRequiredError](err); named {
			return nil // a flag without its value, in a sentence
		}
		return err
	}
	args := cmd.Flags().Args()
	if len(rest) == 0 && cmd.HasParent() {
		return nil // the command as such, in a sentence
	}
	if err := cmd.ValidateFlagGroups(); err != nil {
		return err
	}
	if len(args) > 0 {
		if err := cmd.ValidateArgs(args); err != nil {
			return err
		}
	}
	return readyScenario(cmd, args)
}

var plainName = regexp.MustCompile(`^[a-z0-9-]+$`)

// readyScenario loads the ready scenario that a command names.
func readyScenario(cmd *cobra.Command, args []string) error {
	switch {
	case !slices.Contains([]string{"run", "check", "capacity"}, cmd.Name()) || len(args) == 0 || !plainName.MatchString(args[0]):
		return nil
	case !slices.Contains(scenarios.Names(), args[0]):
		return fmt.Errorf("no ready scenario %s", args[0])
	}
	pairs, err := cmd.Flags().GetStringArray("set")
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if strings.ToUpper(p) == p {
			return nil // KEY=VALUE
		}
	}
	set, err := parseSet(pairs, nil)
	if err != nil {
		return err
	}
	_, err = load(nil, args[0], set)
	return err
}
