package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/fleet"
)

// natsFlag defines the flag for the NATS server of a fleet.
func natsFlag(f *pflag.FlagSet, address *string) {
	f.StringVar(address, "nats", os.Getenv("NATS_URL"), "`URL` of the NATS server that connects the fleet, such as nats://HOST:4222 (default $NATS_URL)")
	f.Lookup("nats").DefValue = "" // the help must not show what is in the environment: it may hold a password
}

// natsHelp says where credentials come from.
const natsHelp = `Credentials for NATS come from the environment variables that the nats command
reads: NATS_CREDS, NATS_NKEY, NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CA,
NATS_CERT and NATS_KEY.`

func agentCommand() *cobra.Command {
	var o fleet.AgentOptions
	var labels []string
	var parent bool
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Generate load for runs that other machines start",
		Long: `Wait for runs, and hold a part of the clients of each: an agent of a fleet. 'throng run
FILE --nats URL' on any machine divides its clients over all agents that are free, starts
them together, and makes one result of what they measured.

An agent takes work from every controller that may publish on throng.fleet.agent.* in the
NATS account, or with --accept only from those with the keys that are named ('throng fleet
key FILE' makes one). It executes no command of a scenario: 'throng run' does.

When a controller is killed, the agent stops its load within seconds and keeps what it has
measured: 'throng run --resume DIR --nats URL' collects it.

` + natsHelp,
		Example: `  throng agent --nats nats://10.0.0.1:4222
  throng agent --nats tls://nats.example:4222 --label zone=a --label rack=7`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.URL == "" {
				return errNoNATS
			}
			if o.Labels, err = fleet.ParseLabels(labels); err != nil {
				return err
			}
			ctx := cmd.Context()
			if parent {
				var cancel context.CancelFunc
				ctx, cancel = untilEnd(ctx, cmd.InOrStdin(), 0)
				defer cancel()
				o.Keep = ""
			}
			o.Log, o.KeepInRun = cmd.ErrOrStderr(), parent
			o.Part = func(ctx context.Context, job []byte, link scenario.Link) error {
				return scenario.RunPart(ctx, job, link, scenario.Options{})
			}
			o.Ready = func() {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "the agent %s is ready\n", o.Name)
			}
			if o.Name == "" {
				o.Name = fleet.DefaultName()
			}
			return fleet.Serve(ctx, o)
		},
	}
	f := cmd.Flags()
	natsFlag(f, &o.URL)
	f.StringVar(&o.Name, "name", "", "the agent's `NAME` (default the machine's, and the process's id)")
	f.StringArrayVar(&labels, "label", nil, "a label by which groups of clients are placed: `KEY=VALUE`")
	f.StringArrayVar(&o.Accept, "accept", nil, "take work only from the controller with this public `KEY`; may be repeated")
	f.StringVar(&o.Keep, "keep", keptDir(), "keep what is measured in this `DIR` for a day, or until the controller has it (default throng/kept in the user's cache)")
	f.Lookup("keep").DefValue = "" // the manual is the same for every user
	f.BoolVar(&parent, "until-stdin-ends", false, "stop when standard input ends, as happens when the parent process ends")
	return cmd
}
