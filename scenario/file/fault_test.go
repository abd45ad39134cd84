package file

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// faultOf reads the fault of a phase between two nodes.
func faultOf(t *testing.T, fault string) (*Spec, *Fault) {
	t.Helper()
	text := "{version: 1, name: x, targets: [\"http://h:1\", \"http://h:2\"], groups: {a: {count: 10, reconnect: {}}}, phases: [{name: p, for: 10s, fault: " + fault + "}]}"
	if strings.Contains(fault, "restart") {
		text = strings.Replace(text, `targets: ["http://h:1", "http://h:2"]`, "server: {nodes: 2}", 1)
	}
	f, err := Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Spec, f.Spec.Phases[0].Fault
}

func TestFaultsHaveNames(t *testing.T) {
	for _, c := range []struct{ fault, kind, act, command string }{
		{"{drop: 50%}", "drop", "", ""},
		{"{half_open: 50%}", "fault", "", ""},
		{"{stall: 50%}", "fault", "", ""},
		{"{restart: true}", "restart", "", ""},
		{"{restart: rolling}", "restart", "", ""},
		{"{network: {delay: 5ms}}", "network", "", ""},
		{"{http: {post: \"http://h:1/slow\"}}", "http", "POST http://h:1/slow", ""},
		{"{run: [systemctl, restart, \"my chat\"]}", "run", "systemctl restart 'my chat'", "the phase p runs systemctl restart 'my chat'"},
		{"{rolling: {run: [restart, \"${target.host}\"]}}", "rolling", "restart ${target.host}", "the phase p runs restart ${target.host}, for each target in turn"},
		{"{rolling: {http: {delete: \"${target.url}/x\"}}}", "rolling", "DELETE ${target.url}/x", ""},
	} {
		spec, fault := faultOf(t, c.fault)
		if got := fault.Kind(); got != c.kind {
			t.Errorf("%s is a %s, want %s", c.fault, got, c.kind)
		}
		if fault.Act != nil && fault.Act.Text() != c.act || fault.Act == nil && c.act != "" {
			t.Errorf("%s does %+v, want %s", c.fault, fault.Act, c.act)
		}
		if got := strings.Join(spec.Commands(), "\n"); got != c.command {
			t.Errorf("%s: %q, want %q", c.fault, got, c.command)
		}
	}
}

// A command is shown as a line that does the same in a shell.
func TestCommandLineIsForAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal("a shell is needed: ", err)
	}
	words := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.StringMatching(`[a-z0-9./:=@%+,_-]{1,9}`), rapid.Just("a\nb"), rapid.Just("é'`$(x)\\")), 1, 6)
	for seed := range 40 {
		want := words.Example(seed)
		for i := range want { // a hole of a template is no shell's variable
			want[i] = strings.ReplaceAll(want[i], "${", "$ {")
		}
		out, err := exec.Command(sh, "-c", `printf '%s\0' `+CommandLine(want)).Output()
		if err != nil {
			t.Fatalf("%q: %v", want, err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, want) {
			t.Errorf("%q is shown as %s, which a shell reads as %q", want, CommandLine(want), got)
		}
	}
}
