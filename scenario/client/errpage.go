package client

import (
	"bytes"
	"errors"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of the body of an HTTP error is read, and how much of it is quoted.
const (
	maxErrorPage  = 16 << 10
	maxErrorQuote = 120 // runes
)

var (
	pageTitle  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	pageHidden = regexp.MustCompile(`(?is)<(head|script|style)\b.*?</(head|script|style)\s*>|<!--.*?-->`)
	pageTag    = regexp.MustCompile(`(?s)<[^>]*(>|$)`)
)

// BodyText is what a user reads of the body of an HTTP error: of a web page its title, or else its
// first words; of anything else its first line. Line breaks and other control characters become
// spaces.
func BodyText(body []byte) string {
	page := string(body[:min(len(body), maxErrorPage)])
	if isPage(body) {
		if title := pageTitle.FindStringSubmatch(page); title != nil && words(title[1]) != "" {
			return words(title[1])
		}
		return words(pageHidden.ReplaceAllString(page, " "))
	}
	line, _, _ := strings.Cut(strings.TrimSpace(page), "\n")
	return short(line)
}

// readPage reads the beginning of a body whose head, of that many bytes, has been read: as much as
// BodyText looks at. It belongs to an answer that is not the one that was wanted, of which the
// status says what is wrong: the page may be longer than any message, break off or never end. The
// connection is of no use behind it.
func readPage(rd *reader, res response, head, length int) response {
	// Whatever ends the reading, the page is what has come.
	switch {
	case res.bodiless():
		length = 0
	case length == chunked:
		if _, n, err := readChunks(rd, head, maxErrorPage); err == nil {
			length = n
		} else if _, long := errors.AsType[*LimitError](err); long {
			_ = need(rd, head+maxErrorPage)
		}
	case length == untilClose:
		_ = need(rd, head+maxErrorPage)
	default:
		_ = need(rd, head+min(length, maxErrorPage))
	}
	b := rd.unread()
	body := b[head:]
	if length == chunked {
		body = body[:joinChunks(body)]
	} else if length != untilClose {
		body = body[:min(length, len(body))]
	}
	res.fields, res.body, res.close = fieldsOf(b[:head]), body[:min(len(body), maxErrorPage)], true
	rd.consume(len(b))
	return res
}

// isPage reports whether a body is HTML.
func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// words is the text of a piece of HTML.
func words(fragment string) string {
	return short(html.UnescapeString(pageTag.ReplaceAllString(fragment, " ")))
}

// short is a text in one line of at most maxErrorQuote characters.
func short(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if utf8.RuneCountInString(text) <= maxErrorQuote {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:maxErrorQuote])) + "..."
}
