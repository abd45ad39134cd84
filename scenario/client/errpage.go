package client

import (
	"bytes"
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
