package main

import (
	"testing"

	"github.com/throng-io/throng/server"
)

// Each option of the server that a flag sets is called by the name of that flag.
func TestFlagOfOption(t *testing.T) {
	serve := serveCommand().Flags()
	for _, option := range []string{
		"PingInterval", "PingTimeout", "UpgradeTimeout", "ConnectTimeout", "MessageTimeout", "WriteTimeout", "Recovery.MaxDisconnection",
		"CompressThreshold", "MaxPayload", "MaxNamespaces", "MaxSessions", "MaxPending", "MaxPartial", "MaxPerAddress", "MaxHandshakes",
		"MaxRooms", "QueuePackets", "QueueBytes", "Fanout", "Path", "Transports", "Parser", "CORS.Origins", "CORS.Credentials", "Cookie.Name",
		"Client", "AllowEIO3", "NoUpgrades", "NoTrailingSlash", "NoHTTPCompression", "PerMessageDeflate",
	} {
		if name := flagOf(option); serve.Lookup(name) == nil {
			t.Errorf("%s: there is no flag --%s", option, name)
		}
	}
	err := namingFlags(&server.OptionError{Option: "PingTimeout", Problem: "is -1s; it must not be negative"})
	if err == nil || err.Error() != "--ping-timeout is -1s; it must not be negative" {
		t.Errorf("got %v", err)
	}
}
