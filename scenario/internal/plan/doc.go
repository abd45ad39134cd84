// Package plan says what a trial will do, before it does anything: the phases on its clock, when
// every operation is due and which sender's it is, when clients come, go and change rooms, and
// which rooms they are in. All of it is a function of the scenario and its seed. How the server
// answers changes nothing, so two runs of a file ask a server for the same.
//
// Times are nanoseconds since the trial's start. Every random choice is a [Draw]: it depends on
// what the number is for and on coordinates such as the group and the client, never on the order of
// calls.
package plan
