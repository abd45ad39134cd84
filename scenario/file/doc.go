// Package file reads scenario files: it turns the YAML text of a scenario
// into plain, fully typed data that a runner can execute without asking
// anything more.
//
// [Parse] goes through five steps. The text becomes a small tree whose every
// value knows its line and column; anchors, aliases and merge keys are
// resolved there, duplicate keys refused. Overrides (--set) replace parts of
// that tree. The matrix is expanded into its combinations. For each of them
// the tree is decoded by one table per object (see tables.go): unknown keys
// get a suggestion, variables are substituted where they are used, scalars
// such as 30s, 200/s or 16KiB become numbers, missing keys get the defaults
// that the fields of [Spec] document. Last, everything that only makes sense
// together is checked: checks name existing phases and groups, a room stream
// has rooms, the ramp can be met.
//
// A value may also name what only the runner knows: the client, its row in a data
// file, the room, the message's number, what an earlier step captured. Such a value is a
// [Template], split at these holes; where which of them may stand is a scope
// (template.go). Data files are read by [File.Data], before anything runs.
//
// Every mistake is an [Error] with file, line and column; Parse reports all
// it finds at once. Keys of the format that this version cannot run are
// refused, never ignored. The result is deterministic: the same text and
// overrides give the same Spec.
package file
