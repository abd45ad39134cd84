// Package bench checks the project from outside its packages: who imports whom, what the documents
// say, the width of comments, the threats of SECURITY.md, and that every transport of the built-in
// server and of the simulated clients does the same work. README.md lists the folders below it:
// tests, measurements, and servers to compare with.
package bench
