package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario/file"
)

// secretFlag defines --secret, which marks variables of a scenario.
func secretFlag(f *pflag.FlagSet, names *[]string) {
	f.StringArrayVar(names, "secret", nil, "never write the value of this variable of the scenario anywhere: `NAME`")
}

// checkSecretNames refuses invalid names without showing them: the text may be the secret itself.
func checkSecretNames(names []string) error {
	for _, name := range names {
		if strings.ContainsRune(name, '=') {
			return fmt.Errorf("--secret takes the name of a variable, without a value; write --secret NAME --set NAME=VALUE, or ${env.NAME} in the scenario")
		}
	}
	return nil
}

// commandLine is the command line of a throng command as results note it: without the secrets of
// the files, and without users and passwords in addresses, such as that of --nats.
func commandLine(command string, args, secret []string, files ...*file.File) []string {
	out := []string{"throng", command}
	for _, arg := range args {
		flag, assignment := "", arg
		if rest, ok := strings.CutPrefix(arg, "--set="); ok {
			flag, assignment = "--set=", rest
		}
		if key, _, ok := strings.Cut(assignment, "="); ok && slices.Contains(secret, strings.TrimPrefix(key, "vars.")) {
			arg = flag + key + "=" + file.Masked
		}
		for _, f := range files {
			arg = f.Spec.Secrets.Mask(arg)
		}
		out = append(out, address.HideAll(arg))
	}
	return out
}

// arguments of this process behind its command.
func ownArguments() []string { return os.Args[min(2, len(os.Args)):] }
