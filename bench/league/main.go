package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
)

func main() {
	program.Main("league", command)
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("league", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "two contests, one Throng, within five minutes; nothing is written")
	turns := flags.Int("rounds", 6, "how often each server runs each contest")
	budget := flags.Duration("budget", 55*time.Minute, "begin no round that would end later than this")
	peersOf := flags.String("peers", "", "names of servers (all)")
	contestsOf := flags.String("contests", "", "names of contests: echo, or echo/polling (all)")
	dir := flags.String("dir", "bench/peers", "the folder with the servers")
	out := flags.String("out", "bench/results/league", "the folder of the results; \"\" writes none")
	seed := flags.Uint64("seed", 1, "of the order within rounds")
	redraw := flags.Bool("redraw", false, "run nothing: write report and figures again from the trials in --out")
	if err := program.Parse(flags, args); err != nil {
		return err
	}
	if *turns < 1 {
		return errors.New("--rounds must be positive")
	}
	if *quick {
		*turns, *budget, *out = rounds.Least, 4*time.Minute+30*time.Second, ""
	}
	peers, err := readPeers(*dir, split(*peersOf))
	if err != nil {
		return err
	}
	if *quick && *peersOf == "" {
		peers = slices.DeleteFunc(peers, func(p *peer) bool { return p.Full })
	}
	contests, err := chosen(split(*contestsOf), *quick)
	if err != nil {
		return err
	}
	if *redraw {
		l, err := read(filepath.Join(*out, trialsFile), peers, contests)
		if err != nil {
			return err
		}
		return l.write(*out)
	}
	build, err := os.MkdirTemp("", "league")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(build) }()
	l := &league{
		facts: facts{At: time.Now(), Commit: commit(ctx), Versions: map[string]string{}},
		peers: peers, contests: contests, build: build, log: stderr, lines: io.Discard, rng: rand.New(rand.NewPCG(*seed, 0)),
	}
	for _, p := range peers {
		if l.Versions[p.Name], err = p.prepare(ctx, build); err != nil {
			return err
		}
	}
	if *out == "" {
		if err := l.course(ctx, *turns, *budget); err != nil {
			return err
		}
		_, err := io.WriteString(stdout, l.report())
		return err
	}
	return l.publish(ctx, *out, *turns, *budget)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// commit is what the checkout is at.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
