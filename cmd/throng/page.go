package main

import (
	"os"
	"path/filepath"
	"slices"
)

// pages names the applications that have a page.
var pages = []string{"chat", "p2p"}

// clientFolder is where `make web` puts the official browser client.
var clientFolder = filepath.Join("out", "web")

// installedClient returns the folder of the official browser client that
// `make web` has installed, for a server that is started in the folder of the
// project or in bin; "" if there is none.
func installedClient() string {
	for _, root := range []string{".", ".."} {
		dir := filepath.Join(root, clientFolder)
		if _, err := os.Stat(filepath.Join(dir, "socket.io.min.js")); err == nil {
			return dir
		}
	}
	return ""
}

// pageNote says what to do with the address of an application that has a page;
// "" of the others.
func pageNote(application, client string) string {
	switch {
	case !slices.Contains(pages, application):
		return ""
	case client == "":
		return "open it in two browser windows to chat; the page uses a small client of its own (make web installs the official one)\n"
	default:
		return "open it in two browser windows to chat; the page uses the official client from " + client + "\n"
	}
}
