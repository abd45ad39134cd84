package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

func main() {
	program.Main("starve", study, roles...)
}

// roles are the processes that compete.
var roles = []program.Role{{Name: "server", Play: serve}, {Name: "generate", Play: generate}, {Name: "burn", Play: burn}}

// options is the command line.
type options struct {
	runs   int
	window time.Duration
	seed   uint64
	out    string
	kinds  []string
	pins   pins
}

// pins are the processors of the processes; the load is where the generator is.
type pins struct{ server, generator int }

func study(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{kinds: kinds}
	f := flag.NewFlagSet("starve", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.runs, "runs", 200, "how many runs")
	f.DurationVar(&o.window, "window", 3*time.Second, "length of each measurement")
	f.Uint64Var(&o.seed, "seed", 1, "of the load that is drawn")
	f.StringVar(&o.out, "out", "", "directory for starve.jsonl and starve.txt; without it they are only shown")
	f.Var(program.Choice(&o.kinds, kinds...), "kinds", "kinds of load to draw from")
	f.IntVar(&o.pins.server, "server", 1, "the processor of the server")
	f.IntVar(&o.pins.generator, "generator", 0, "the processor of the generator and of the load")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if cpus := runtime.NumCPU(); cpus < 2 {
		return fmt.Errorf("the server needs a processor of its own, and this process may use %d; allow it two", cpus)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
	}
	rng := rand.New(rand.NewPCG(o.seed, 0))
	var all []outcome
	var failed error
	for i := range o.runs {
		r, err := one(ctx, self, &o, draw(rng, o.kinds))
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failed = fmt.Errorf("run %d (%s): %w", i+1, r.Load.Kind, err)
			break
		}
		all = append(all, r)
		_, _ = fmt.Fprintf(stderr, "%d/%d %s\n", i+1, o.runs, r.line())
	}
	if len(all) == 0 {
		return cmp.Or(failed, errors.New("no run was completed"))
	}
	h := header(&o)
	if err := write(stdout, h, all); err != nil {
		return err
	}
	if o.out != "" {
		if err := save(o.out, h, all); err != nil {
			return err
		}
	}
	return cmp.Or(failed, verdict(all))
}

// A heading says where and how the study was made.
type heading struct {
	Machine string    `json:"machine"`
	Kernel  string    `json:"kernel"`
	Go      string    `json:"go"`
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Load    string    `json:"load"` // of the machine in the last minute of the study
	Command string    `json:"command"`
}

func header(o *options) heading {
	env, facts := result.Environment(), machine.Read()
	return heading{
		Machine: fmt.Sprintf("%d x %s", facts.Cores, env["cpu"]), Kernel: env["kernel"], Go: runtime.Version(), Commit: result.Version(), Time: time.Now().UTC().Truncate(time.Second),
		Load: program.LoadAverage(), Command: fmt.Sprintf("go run ./bench/starve --runs %d --window %v --seed %d --kinds %s", o.runs, o.window, o.seed, strings.Join(o.kinds, ",")),
	}
}

// save writes the single runs and the summary.
func save(dir string, h heading, all []outcome) error {
	raw, err := os.Create(filepath.Join(dir, "starve.jsonl"))
	if err != nil {
		return err
	}
	enc := json.NewEncoder(raw)
	err = enc.Encode(h)
	for i := range all {
		err = errors.Join(err, enc.Encode(all[i]))
	}
	text, terr := os.Create(filepath.Join(dir, "starve.txt"))
	if terr != nil {
		return errors.Join(err, raw.Close(), terr)
	}
	return errors.Join(err, raw.Close(), write(text, h, all), text.Close())
}
