// Package fleet connects the load generators of one run over NATS: a controller, which is the
// process of `throng run`, and its agents, which hold the clients.
//
// Nothing here knows what a trial is. The package finds agents, claims them for a run, moves the
// messages of package scenario between the members of the run ([scenario.Parts] at the controller,
// [scenario.Link] at an agent), says whose clock is how far off, and tells when a member is gone.
//
// # Subjects
//
// Agents answer on throng.fleet.hello with their description, and take a claim on
// throng.fleet.agent.ID. A claimed agent is the run's until the run ends, its controller falls
// silent, or the agent ends. The members of a run publish on throng.run.RUN.KIND.MEMBER, where KIND
// is one of
//
//	down   the controller's orders, to all agents
//	up     an agent's reports, to the controller
//	mesh   what an agent tells another one, whose place follows
//	beat   several times a second: alive, and what has arrived
//	clock  an agent's question for the controller's time, and the answer
//
// # What a message is worth
//
// NATS delivers at most once: a server that restarts, or a reader that is too slow, loses messages.
// So down, up and mesh are numbered; a sender keeps what some member has not confirmed by its beat,
// and sends it again when the confirmation does not come (stream.go).
//
// # Who may do what
//
// A run has a secret, which its controller gives to each agent encrypted for that agent's key
// (NATS's xkeys: X25519). Everything else in the run is encrypted and authenticated with keys that
// follow from it (AES-256-GCM, HKDF-SHA-256), one for each sender, and numbered: whoever else can
// publish on the server can neither read a message, nor forge or repeat one, and two runs on one
// server do not see each other. A claim is signed by the controller's identity, an nkey; an agent
// that was told whose work to take refuses all others. Without that, whoever may publish on
// throng.fleet.agent.* in the NATS account may give it work: let a fleet have an account of its
// own.
//
// # Clocks
//
// The fleet's clock is the controller's. An agent on the same machine reads the same monotonic
// clock, and is exact. Another one asks for the time, keeps of each burst the answer with the
// shortest way, and takes the lines that agree with all of them: the fleet's time is in the middle,
// and its bound is how far they reach from there (clock.go).
package fleet
