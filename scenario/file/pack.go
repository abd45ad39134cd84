package file

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/regular"
)

// MaxPacked bounds the bytes of a scenario's data files and logs that go to another process.
const MaxPacked = 64 << 20

// A Packed is one trial of a scenario with everything that another process needs to read it: the
// text, what was set, the values of environment variables, and the files that it names. It holds
// the scenario's secrets.
type Packed struct {
	Name    string            `json:"name"`
	Text    string            `json:"text"`
	Set     map[string]string `json:"set,omitempty"`
	Secret  []string          `json:"secret,omitempty"`
	Foreign bool              `json:"foreign,omitempty"`
	Search  bool              `json:"search,omitempty"` // it is a trial of a search, at this level
	Level   float64           `json:"level,omitempty"`
	Record  time.Duration     `json:"record,omitempty"`
	Quick   float64           `json:"quick,omitempty"`
	Env     map[string]string `json:"env,omitempty"`   // by name, without the prefix
	Files   map[string][]byte `json:"files,omitempty"` // as the scenario names them
	Cell    int               `json:"cell"`            // the place of its combination among the cells
}

// Pack makes a trial of the file ready for another process. The error is of reading a file, or that
// the files are larger than MaxPacked.
func (f *File) Pack(c *Cell) (*Packed, error) {
	p := &Packed{
		Name: filepath.Base(f.Name), Text: f.text, Set: f.how.set, Secret: f.how.secret, Foreign: f.how.foreign, Quick: f.quick,
		Env: map[string]string{}, Files: map[string][]byte{},
	}
	if f.trial != nil {
		p.Search, p.Level, p.Record = true, f.trial.level, f.trial.record
	}
	p.Cell = slices.IndexFunc(f.cells, func(x Cell) bool { return x.Spec == c.Spec })
	if p.Cell < 0 {
		return nil, fmt.Errorf("the trial is not one of %s", f.Name)
	}
	left := int64(MaxPacked)
	for _, x := range f.cells { // the other combinations are read too
		for name, d := range x.Spec.Secrets.all() {
			if key, is := strings.CutPrefix(name, envPrefix); is {
				p.Env[key] = d.Text
			}
		}
		for _, path := range x.Spec.files() {
			if _, have := p.Files[path]; have {
				continue
			}
			b, err := regular.ReadFile(f.find(path), left)
			if err != nil {
				return nil, fmt.Errorf("the file %s cannot be given to the agents, which take %s in all: %w", path, metric.FormatBytes(MaxPacked), err)
			}
			p.Files[path] = b
			left -= int64(len(b))
		}
	}
	return p, nil
}

// files are the data files and the logs that the scenario names.
func (s *Spec) files() (paths []string) {
	for i := range s.Data {
		paths = append(paths, s.Data[i].Path)
	}
	for i := range s.Groups {
		for _, r := range s.Groups[i].replays() {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// all are the secrets by name.
func (s *Secrets) all() map[string]Datum {
	if s == nil {
		return nil
	}
	return s.values
}

// An Unpacked is the trial of a Packed, read again.
type Unpacked struct {
	*Cell
	Tables map[string]*Table
	Logs   map[string]*Log
}

// Unpack reads the trial. The files are written into dir, an existing directory of the caller's,
// and stay there. Nothing else of this machine is read: neither files nor the environment.
func (p *Packed) Unpack(dir string) (*Unpacked, error) {
	how := reading{set: maps.Clone(p.Set), secret: p.Secret, foreign: p.Foreign, packed: p}
	var trial *searchTrial
	if p.Search {
		trial = &searchTrial{p.Level, p.Record}
	}
	f, err := parse(p.Name, p.Text, how, trial)
	if err != nil {
		return nil, err
	}
	if p.Quick > 0 {
		f.Quicken(p.Quick)
	}
	f.unpacked = map[string]string{}
	for i, path := range slices.Sorted(maps.Keys(p.Files)) {
		f.unpacked[path] = filepath.Join(dir, "file"+strconv.Itoa(i))
		if err := os.WriteFile(f.unpacked[path], p.Files[path], 0o600); err != nil {
			return nil, err
		}
	}
	u := &Unpacked{}
	if u.Tables, err = f.Data(); err != nil {
		return nil, err
	}
	if u.Logs, err = f.Logs(); err != nil {
		return nil, err
	}
	if p.Cell < 0 || p.Cell >= len(f.cells) {
		return nil, fmt.Errorf("%s has no trial %d", p.Name, p.Cell)
	}
	u.Cell = &f.cells[p.Cell]
	return u, nil
}

// lookupEnv looks an environment variable up: of the process in which the scenario was given.
func (r *reading) lookupEnv(key string) (string, bool) {
	if r.packed == nil {
		return os.LookupEnv(key)
	}
	v, ok := r.packed.Env[key]
	return v, ok
}
