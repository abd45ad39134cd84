package bench

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the Markdown files of the project with their texts, by their paths from its root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", "out", ".git", "testdata"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		all[filepath.ToSlash(strings.TrimPrefix(name, ".."+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d documents were found", len(all))
	}
	return all
}

// withoutCode leaves out comments and blocks of code, and with them what only looks like a heading
// or a link.
func withoutCode(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(comment.ReplaceAllString(text, "")) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		} else if !code {
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	comment   = regexp.MustCompile(`(?s)<!--.*?-->`)
	linkIn    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	codeSpan  = regexp.MustCompile("`[^`]*`")
	headingIn = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the places in a document that a link can name, as GitHub makes them of headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range headingIn.FindAllStringSubmatch(withoutCode(text), -1) {
		title := linkIn.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), "]")
		all[strings.ReplaceAll(notAnchor.ReplaceAllString(title, ""), " ", "-")] = true
	}
	return all
}

// A link in a document leads to a file of the project, and to a heading that is there.
func TestLinksOfDocuments(t *testing.T) {
	texts := documents(t)
	n := 0
	for name, text := range texts {
		for _, m := range linkIn.FindAllStringSubmatch(codeSpan.ReplaceAllString(withoutCode(text), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			n++
			file, anchor, _ := strings.Cut(m[1], "#")
			at := name
			if file != "" {
				at = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(at))); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
				continue
			}
			if to, is := texts[at]; anchor != "" && (!is || !anchors(to)[anchor]) {
				t.Errorf("%s: %s has no heading for the link %s", name, at, m[1])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d links were found", n)
	}
}

// Each package has a row in the table of CONTRIBUTING.md, each folder of bench one in its README,
// and each row its package.
func TestPackagesAreListed(t *testing.T) {
	texts := documents(t)
	_, table, _ := strings.Cut(texts["CONTRIBUTING.md"], "\n## Packages\n")
	table, _, _ = strings.Cut(table, "\n## ")
	listed := map[string]bool{}
	for line := range strings.Lines(table) {
		cell, _, row := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !row {
			continue
		}
		first := ""
		for _, name := range codeSpan.FindAllString(cell, -1) {
			name = strings.Trim(name, "`")
			if first == "" {
				first = name
			} else if !isFolder(name) { // it stands beside the first
				name = path.Join(path.Dir(first), name)
			}
			if listed[name] = true; !isFolder(name) {
				t.Errorf("CONTRIBUTING.md lists the package %s, which is not there", name)
			}
		}
	}
	for _, name := range goFiles(t) {
		if dir := path.Dir(name); !strings.HasPrefix(dir, "bench/") && !listed[dir] {
			t.Errorf("CONTRIBUTING.md does not list the package %s", dir)
		}
	}
	for _, under := range []string{"", "peers/"} {
		entries, err := os.ReadDir(under + ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := under + e.Name(); e.IsDir() && name != "peers" && !strings.Contains(texts["bench/README.md"], "`"+name+"/`") {
				t.Errorf("bench/README.md does not list the folder %s", name)
			}
		}
	}
}

func isFolder(name string) bool {
	info, err := os.Stat(filepath.Join("..", filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

var (
	makeIn  = regexp.MustCompile("(?m)(?:^    |^|`)make ([a-z][a-z-]*)")
	targets = regexp.MustCompile(`(?m)^([a-z-]+):.*##`)
	goRunIn = regexp.MustCompile("go (?:run|test|build|doc)(?: -\\S+(?: \\S+)?)* (\\.(?:/\\w+)+)((?: [^`\n#]*)?)")
	flagIn  = regexp.MustCompile(`(?:^|\s)--?([a-z][a-z-]*)`)
)

// A document names only targets that the Makefile has, and of the programs of bench only flags that
// they have. What it says of throng itself is read in cmd/throng.
func TestCommandsOfDocuments(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range targets.FindAllStringSubmatch(string(makefile), -1) {
		known[m[1]] = true
	}
	made, ran := 0, 0
	for name, text := range documents(t) {
		for _, m := range makeIn.FindAllStringSubmatch(text, -1) {
			if made++; !known[m[1]] {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
		for _, m := range goRunIn.FindAllStringSubmatch(text, -1) {
			ran++
			dir := filepath.Join("..", filepath.FromSlash(m[1]))
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("%s: %s: there is no %s", name, m[0], m[1])
				continue
			}
			if !strings.HasPrefix(m[0], "go run") {
				continue
			}
			for _, f := range flagIn.FindAllStringSubmatch(m[2], -1) {
				if !hasFlag(t, dir, f[1]) {
					t.Errorf("%s: %s: it has no flag --%s", name, strings.TrimSpace(m[0]), f[1])
				}
			}
		}
	}
	if made < 20 || ran < 20 {
		t.Errorf("only %d targets and %d programs were found", made, ran)
	}
}

var (
	testOf = regexp.MustCompile(`(?m)^func (Test|Benchmark)(\w+)\(`)
	// what -run, -bench and BENCH= choose: alternatives, each with the names of subtests behind it
	chosenIn = regexp.MustCompile(`(?:-(run|bench) '?|\bBENCH=)([A-Z]\w*(?:/[^\s|'` + "`" + `]*)?(?:\|[A-Z]\w*)*)`)
)

// Where a document or the Makefile chooses tests or benchmarks by their names, there are such.
func TestChosenTestsAreThere(t *testing.T) {
	known := map[string][]string{}
	for _, name := range goFiles(t) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testOf.FindAllStringSubmatch(string(source), -1) {
			known[m[1]] = append(known[m[1]], m[1]+m[2])
		}
	}
	texts := documents(t)
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	texts["Makefile"] = string(makefile)
	n := 0
	for name, text := range texts {
		for _, m := range chosenIn.FindAllStringSubmatch(text, -1) {
			kind := map[bool]string{true: "Test", false: "Benchmark"}[m[1] == "run"]
			for one := range strings.SplitSeq(m[2], "|") {
				n++
				one, _, _ = strings.Cut(one, "/")
				if !slices.ContainsFunc(known[kind], func(name string) bool { return strings.Contains(name, one) }) {
					t.Errorf("%s: %s chooses nothing: there is no %s with %s in its name", name, m[0], kind, one)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d choices were found", n)
	}
}

// hasFlag reports whether a program defines a flag with package flag.
func hasFlag(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`\.(?:\w*Var|Func|Bool|Int|String|Duration|Float64|Uint64)\((?:&[\w.]+, |program\.Choice\(.*\), )?"` + name + `"`).Match(source) {
			return true
		}
	}
	return false
}
