package file

import (
	"fmt"

	"github.com/throng-io/throng/scenario/internal/jsonpath"
)

// Path says where values lie in JSON: a JSONPath of RFC 9535. Its root is the list of the arguments
// of an event or an acknowledgement, or the body of an HTTP answer. Of arguments, a path that
// begins with a name leads into the first one: $.id is short for $[0].id.
type Path = jsonpath.Path

func parsePath(text string) (Path, *flaw) {
	if text == "" {
		return Path{}, wrong(text, "path into JSON", pathLike)
	}
	p, err := jsonpath.Parse(text)
	if err != nil {
		return Path{}, &flaw{fmt.Sprintf("%q is not a path into JSON: %v", clip(text), err), pathLike}
	}
	return p, nil
}

const pathLike = "write a JSONPath (RFC 9535) like $[0].body or $[0]['user-id']; $ is the list of the arguments, or the body of an HTTP answer"
