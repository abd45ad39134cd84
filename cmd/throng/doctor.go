package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/machine"
)

// floorTime is how long doctor measures.
const floorTime = 3 * time.Second

// diagnosis is what doctor finds. The field names in JSON are a contract.
type diagnosis struct {
	Findings []machine.Finding `json:"findings"`
	Sentence string            `json:"sentence"`
	Floor    machine.Floor     `json:"floor"`
	Facts    machine.Facts     `json:"facts"`
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine this machine: limits, clock, and lowest measurable latency",
		Long: `Examine this machine before it generates load: limits on the number of clients, sources
of clock errors, and, measured for three seconds, how late timers wake up and how long
a message over loopback takes. Each line explains its value, and how to raise it when
it is low. The last sentence is the floor: smaller latencies cannot be measured here.`,
		Example: `  throng doctor
  throng doctor --json | jq '.findings[] | select(.state == "low")'`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine.RaiseFiles()
			floor, err := machine.Measure(cmd.Context(), floorTime)
			switch {
			case errors.Is(err, context.Canceled):
				return &exitError{code: exitInterrupted}
			case err != nil:
				return err
			}
			d := diagnosis{Floor: floor, Sentence: floor.Sentence(), Facts: machine.Read()}
			d.Findings = machine.Examine(d.Facts, floor)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), d)
			}
			return writeFolded(cmd.OutOrStdout(), d.text)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// text writes a diagnosis for reading.
func (d *diagnosis) text(w io.Writer) error {
	out := &errWriter{w: w}
	for _, f := range d.Findings {
		state := f.State
		if state == machine.Unknown {
			state = "?"
		}
		out.printf("%-3s  %-19s  %s\n     %s\n", state, f.Name, f.Value, f.Means)
		if f.Fix != "" {
			out.printf("     fix: %s\n", f.Fix)
		}
	}
	out.printf("\n%s\n", d.Sentence)
	return out.err
}
