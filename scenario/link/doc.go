// Package link puts a link in user space between clients and a server: it delays data, limits its
// rate, resets connections, falls silent and refuses connections. The effects on data come from
// Toxiproxy; connections and goroutines belong to a [Link], whose Close leaves none behind.
package link
