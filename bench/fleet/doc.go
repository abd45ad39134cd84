// Package fleet tests runs on several load generators: processes that are killed, stopped and cut
// off, clocks that differ, and the size that one process cannot reach. Its tests need the build tag
// fleet, Linux, and for those with networks and clocks of their own root; `make test-fleet` runs
// them.
package fleet
