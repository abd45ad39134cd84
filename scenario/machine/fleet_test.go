package machine

import (
	"strings"
	"testing"
)

// The limit that is reached first decides how many agents there are, and each stays below all.
func TestPlanFleet(t *testing.T) {
	a := &Assessment{
		Combined: []Combination{{Clients: 20_000, Sockets: 20_000, Files: 20_064, OfferedPerS: 100, DeliveriesPerS: 200_000, GeneratorBytes: BaseBytes + 20_000*WebSocketBytes}},
		Limits:   Limits{FilesHard: 20_000, PortLow: 32768, PortHigh: 60999, Memory: 16 << 30},
	}
	for name, tt := range map[string]struct {
		scale, cores float64
		by           string
		agents       int
	}{
		"files":      {50, 64, Files, 51},
		"processors": {50, 2, Processors, 110},
		"one":        {0.1, 64, Files, 1},
	} {
		p, err := PlanFleet(a, tt.scale, tt.cores)
		if err != nil {
			t.Fatal(err)
		}
		if p.By != tt.by || p.Agents != tt.agents {
			t.Errorf("%s: %d agents by %s, want %d by %s (%v)", name, p.Agents, p.By, tt.agents, tt.by, p.Each)
		}
		if p.AgentClients*p.Agents < p.Clients || p.AgentPorts > a.Limits.Ports() || p.AgentPorts+64 > a.Limits.FilesHard || p.AgentCPU > agentShare {
			t.Errorf("%s: an agent has too much: %+v", name, p)
		}
	}
	// what the scenario's clients take decides, whatever they are: 10 000 that need 22 KiB, and half of 256 MiB
	a.Combined[0] = Combination{Clients: 10_000, Sockets: 10_000, Files: 10_064, GeneratorBytes: BaseBytes + 10_000*ClientBytes}
	a.Limits = Limits{FilesHard: 20_000, Memory: 256 << 20}
	if p, err := PlanFleet(a, 1, 64); err != nil || p.By != Memory || p.Agents != 3 || p.AgentBytes > a.Limits.Memory/2 || p.AgentBytes < agentBytes+3_333*ClientBytes {
		t.Errorf("%+v, %v", p, err)
	}
	a.Combined[0].DeliveriesPerS, a.Limits = 200_000, Limits{} // nothing is known but the processors
	if p, err := PlanFleet(a, 1, 2); err != nil || p.By != Processors {
		t.Errorf("%+v, %v", p, err)
	}
	// a limit that one agent reaches alone is not one that is not known
	for want, l := range map[string]Limits{
		"takes 64 " + Files + " without clients, and on this machine it should use 60 " + Files: {FilesHard: 60},
		"takes 48 MiB of memory without clients, and on this machine it should use 32 MiB":      {Memory: 64 << 20},
	} {
		a.Limits = l
		if p, err := PlanFleet(a, 1, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v, want %s", p, err, want)
		}
	}
}

func TestParseScale(t *testing.T) {
	for s, want := range map[string]float64{"50x": 50, "50": 50, "1.5x": 1.5, "0.1": 0.1} {
		if got, err := ParseScale(s); err != nil || got != want {
			t.Errorf("%s: %g, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "-1x", "0", "50y", "NaN", "inf", "2000000x", "50x y", "0x10"} {
		if got, err := ParseScale(s); err == nil || !strings.Contains(err.Error(), "such as 50x") {
			t.Errorf("%q: %g, %v", s, got, err)
		}
	}
}
