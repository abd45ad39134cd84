package file

import "time"

// Plan is what a scenario asks of the machine, computed before anything runs.
type Plan struct {
	Clients    int           // simulated clients at most
	Sockets    int           // connections open at once, at most, on the generator's side
	Files      int           // file descriptors the generator needs, its own included
	Duration   time.Duration // of one trial, without connecting late and draining
	Offered    float64       // messages sent per second at the highest load
	Deliveries float64       // deliveries expected per second at the highest load
}
