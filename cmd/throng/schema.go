package main

import (
	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/file"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files, for editors",
		Long: `Print the JSON Schema of the scenario files that this version reads. Editors that
speak to a YAML language server complete and check a file with it:

  throng schema > scenario.schema.json

and, as the first line of the file beside it:

  # yaml-language-server: $schema=scenario.schema.json

'throng check' finds more mistakes: a schema cannot check how values fit together.`,
		Example: `  throng schema > scenario.schema.json`,
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(file.Schema())
			return err
		},
	}
}
