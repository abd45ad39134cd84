package file

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Another process reads the same scenario, with the files and the environment of the first one.
func TestPackedIsTheSameScenario(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"users.csv": "name,token\nann,t1\nbob,t2\n",
		"log.csv":   "time,user,event,size\n0,u1,msg,200\n0.5,u2,msg,300\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PACKED_TOKEN", "a secret of the controller")
	f, err := Parse(filepath.Join(dir, "s.yaml"), []byte(`
version: 1
name: s
vars: {key: "12345678"}
data: {users: {csv: users.csv}}
matrix: {axes: {n: [4, 8]}}
groups:
  g:
    count: ${matrix.n}
    auth: {token: "${users.token}", env: "${env.PACKED_TOKEN}", key: "${key}"}
    send: [{op: all, replay: log.csv}]
phases: [{name: hold, for: 10s}]
`), map[string]string{"phases.hold.for": "4s"}, "key")
	if err != nil {
		t.Fatal(err)
	}
	f.Quicken(0.5)
	if _, err := f.Logs(); err != nil {
		t.Fatal(err)
	}
	p, err := f.Pack(&f.cells[1])
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PACKED_TOKEN", "another of the agent")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var q Packed
	if err := json.Unmarshal(b, &q); err != nil {
		t.Fatal(err)
	}
	u, err := q.Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	was, got := *f.cells[1].Spec, *u.Spec
	if !was.Secrets.Equal(got.Secrets) {
		t.Error("the secrets differ")
	}
	was.Secrets, got.Secrets = nil, nil
	if !reflect.DeepEqual(was, got) {
		t.Errorf("the scenario differs:\n%+v\n%+v", was, got)
	}
	if len(u.Tables["users.csv"].Rows) != 2 || len(u.Logs["log.csv"].Users) != 2 {
		t.Errorf("tables %v, logs %v", u.Tables, u.Logs)
	}
	q.Env = nil
	if _, err := q.Unpack(t.TempDir()); err == nil || !strings.Contains(err.Error(), "PACKED_TOKEN is not set") {
		t.Errorf("the agent's own environment was read: %v", err)
	}
	q.Env, q.Cell = p.Env, 2
	if _, err := q.Unpack(t.TempDir()); err == nil {
		t.Error("a trial that is not there")
	}
}
