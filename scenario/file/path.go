package file

import (
	"fmt"
	"strconv"
	"strings"
)

// Path says where a value lies in JSON: $[0].user.name. The root is the list
// of an event's or acknowledgement's arguments; $.name is short for $[0].name.
type Path struct {
	Text  string // as written
	Steps []PathStep
}

// PathStep goes into an object by a key or into a list by an index.
type PathStep struct {
	Key   string // "" when Index counts
	Index int
}

const pathLike = "write it like $[0].body: from $, the list of the arguments, by [number] and .key or [\"key\"]"

func parsePath(text string) (Path, *flaw) {
	p := Path{Text: text}
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return p, wrong(text, "path into JSON", pathLike)
	}
	for rest != "" {
		var step PathStep
		step, rest, ok = pathStep(rest)
		if !ok {
			return p, wrong(text, "path into JSON", pathLike)
		}
		p.Steps = append(p.Steps, step)
		if len(p.Steps) > maxDepth {
			return p, &flaw{fmt.Sprintf("the path %q is too deep", clip(text)), "shorten it"}
		}
	}
	return p, nil
}

// pathStep takes .key, [3] or ["key"] off the front.
func pathStep(text string) (step PathStep, rest string, ok bool) {
	switch {
	case strings.HasPrefix(text, "."):
		end := strings.IndexAny(text[1:], ".[") + 1
		if end == 0 {
			end = len(text)
		}
		return PathStep{Key: text[1:end]}, text[end:], end > 1
	case strings.HasPrefix(text, `["`), strings.HasPrefix(text, "['"):
		end := strings.Index(text[2:], text[1:2]+"]")
		if end < 1 {
			return step, "", false
		}
		return PathStep{Key: text[2 : 2+end]}, text[2+end+2:], true
	case strings.HasPrefix(text, "["):
		digits, rest, closed := strings.Cut(text[1:], "]")
		n, err := strconv.Atoi(digits)
		return PathStep{Index: n}, rest, closed && err == nil && n >= 0 && n < 1_000_000
	}
	return step, "", false
}
