package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/fleet"
	"github.com/throng-io/throng/scenario/metric"
)

var errNoNATS = errors.New("--nats is missing; write the address of a NATS server, such as nats://HOST:4222, or set NATS_URL")

func fleetCommand() *cobra.Command {
	var address string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "List the agents that can generate load",
		Long: `List the agents of a fleet: what they can carry, whether they are free, and how far their
clocks are off this machine's.

` + natsHelp,
		Example: `  throng fleet --nats nats://10.0.0.1:4222
  throng fleet key controller.nk`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if address == "" {
				return errNoNATS
			}
			all, err := fleet.List(cmd.Context(), address)
			if err != nil {
				return err
			}
			out := &errWriter{w: cmd.OutOrStdout()}
			if asJSON {
				return writeJSON(out.w, all)
			}
			if len(all) == 0 {
				out.printf("no agent answers; start some with 'throng agent --nats URL'\n")
				return out.err
			}
			return listAgents(out, all)
		},
	}
	natsFlag(cmd.Flags(), &address)
	jsonFlag(cmd.Flags(), &asJSON)
	cmd.AddCommand(fleetKeyCommand())
	return cmd
}

// listAgents prints a table of agents.
func listAgents(out *errWriter, all []fleet.Listed) error {
	rows := [][]string{{"AGENT", "STATE", "CORES", "FILES", "CLOCK", "LABELS", "VERSION"}}
	for _, a := range all {
		clock := "the same"
		switch {
		case a.BoundUs == fleet.Uncompared:
			clock = "not known"
		case a.BoundUs > 0:
			clock = metric.FormatDuration(time.Duration(a.OffsetUs)*time.Microsecond) + " ± " + metric.FormatDuration(time.Duration(a.BoundUs)*time.Microsecond)
		}
		var labels []string
		for _, k := range slices.Sorted(maps.Keys(a.Labels)) {
			labels = append(labels, k+"="+a.Labels[k])
		}
		rows = append(rows, []string{a.Name, a.State, metric.FormatNumber(a.Cores), metric.FormatCount(a.Files), clock, strings.Join(labels, " "), a.Version})
	}
	out.table(rows)
	return out.err
}

func fleetKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Make a controller's identity",
		Long: `Write a controller's secret key to a new file and print the public one: for 'throng agent
--accept KEY', which takes work from 'throng run --nats URL --identity FILE' only. It is an nkey
of NATS, of a user.`,
		Example: `  throng fleet key controller.nk
  throng run my.yaml --nats nats://10.0.0.1:4222 --identity controller.nk`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			seed, public, err := fleet.NewIdentity()
			if err != nil {
				return err
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("%w; name a new file", err)
			}
			if _, err := f.Write(append(seed, '\n')); err != nil {
				return errors.Join(err, f.Close())
			}
			if err := f.Close(); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), public)
			return err
		},
	}
}
