//go:build !unix

package scenario

func files() (limit int, ok bool) { return 0, false }
