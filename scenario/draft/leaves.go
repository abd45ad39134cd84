package draft

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// maxDepth bounds how deep values are looked into.
const maxDepth = 12

// decode reads the arguments of a packet, a list without brackets; ok is false for what cannot be
// drafted, such as values that are nested too deeply.
func decode(args []byte) (list []any, ok bool) {
	text := append(append([]byte{'['}, args...), ']')
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&list) != nil {
		return nil, false
	}
	return list, depth(list) <= maxDepth
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	case map[string]any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	default:
		return 0
	}
	return deepest + 1
}

// walk calls f for every value that is neither a list nor a mapping, with its path, and returns the
// tree with what f returns in its place. Keys come in their order by name.
func walk(path string, v any, f func(path string, v any) any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = walk(path+"/"+strconv.Itoa(i), item, f)
		}
		return out
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		out := make(map[string]any, len(v))
		for _, k := range keys {
			out[k] = walk(path+"/"+k, v[k], f)
		}
		return out
	}
	return f(path, v)
}

// isAttachment reports whether a mapping stands for a binary attachment.
func isAttachment(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["_placeholder"] == true
}

// withoutAttachments replaces the places of binary attachments by a text.
func withoutAttachments(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutAttachments(item)
		}
		return out
	case map[string]any:
		if isAttachment(v) {
			return "binary"
		}
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = withoutAttachments(item)
		}
		return out
	}
	return v
}

// reSecret are names of values that must not be written.
var reSecret = regexp.MustCompile(`(?i)token|secret|passw|pwd|auth|session|cookie|api.?key|credential|bearer|jwt|signature|otp|^sid$|^pin$`)

// reToken are values that look like keys: long texts of letters and digits without a blank.
var (
	reJWT   = regexp.MustCompile(`^[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*$`)
	reToken = regexp.MustCompile(`^[A-Za-z0-9+/_=.:-]{20,}$`)
	reDigit = regexp.MustCompile(`\d`)
)

// secret reports whether a value may be a credential: by the keys on its path, by the event's name,
// or by its look.
func secret(event, path string, v any) bool {
	if slices.ContainsFunc(strings.Split(path, "/"), reSecret.MatchString) {
		return true
	}
	text, isText := v.(string)
	if !isText {
		return false
	}
	return reSecret.MatchString(event) || looksSecret(text)
}

// looksSecret reports whether a text looks like a credential, an id or an address of mail.
func looksSecret(text string) bool {
	return reJWT.MatchString(text) || reToken.MatchString(text) && reDigit.MatchString(text) || strings.Contains(text, "@")
}

// keyLooksSecret is looksSecret of a key. Formats of messages have keys such as @type and
// settings.appearance.theme.
func keyLooksSecret(key string) bool {
	return reToken.MatchString(key) && reDigit.MatchString(key) || strings.LastIndexByte(key, '@') > 0
}
