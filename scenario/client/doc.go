// Package client is the simulated Socket.IO client of a load run: made to be
// one of a hundred thousand in one process.
package client
