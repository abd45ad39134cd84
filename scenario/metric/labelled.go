package metric

import (
	"maps"
	"slices"
	"strings"
)

// Labelled is a name with labels as a rule has them: "delivery{group=a,op=room}", in the order of
// their names; the name alone without any.
func Labelled(name string, labels map[string]string) string {
	if len(labels) == 0 {
		return name
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return name + "{" + strings.Join(all, ",") + "}"
}
