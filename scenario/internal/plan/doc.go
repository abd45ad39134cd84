// Package plan computes the actions of a trial in advance: the phases on its clock, when every
// operation is due and which sender's it is, when clients come, go and change rooms, and which
// rooms they are in. All of it is a function of the scenario and its seed. The server's answers
// have no influence, so two runs of a file send a server the same requests.
//
// Times are nanoseconds since the trial's start. Every random choice is a [Draw]: it depends on the
// number's purpose and on coordinates such as the group and the client, never on the order of
// calls.
package plan
