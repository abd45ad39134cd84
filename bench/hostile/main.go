package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
)

func main() {
	program.Main("hostile", run, serverRole)
}

// serverRole is the process that is attacked.
var serverRole = program.Role{Name: "server", Play: serve}

// options is the command line.
type options struct {
	length          time.Duration
	good, attackers int
	rate            int
	at              doors
	scraped         string // address of the metrics; "": a server of its own is attacked
	memory          int    // MiB
}

// doors are where a server can be reached. Without TLS and WebTransport all goes to plain.
type doors struct {
	plain, secure string // URLs; secure "": without TLS
	quic          string // address of WebTransport; "": none
}

func parse(args []string, stderr io.Writer) (*options, error) {
	var o options
	f := flag.NewFlagSet("hostile", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.DurationVar(&o.length, "for", time.Minute, "how long to attack")
	f.IntVar(&o.good, "good", 500, "clients that behave")
	f.IntVar(&o.attackers, "attackers", 200, "attacks at a time")
	f.IntVar(&o.rate, "rate", 300, "attacks that begin in a second, at most")
	f.StringVar(&o.at.plain, "target", "", "server to attack (default one of its own)")
	f.StringVar(&o.scraped, "metrics", "", "address of its metrics; needed with --target")
	f.IntVar(&o.memory, "memory", 512, "limit in MiB of the server's resident memory")
	if err := program.Parse(f, args); err != nil {
		return nil, err
	}
	switch {
	case o.length <= 0 || o.good < 1 || o.attackers < 1 || o.rate < 1 || o.memory < 1:
		return nil, errors.New("--for, --good, --attackers, --rate and --memory must be positive")
	case (o.at.plain == "") != (o.scraped == ""):
		return nil, errors.New("--target and --metrics belong together")
	}
	return &o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.scraped == "" {
		var stop func() error
		if o.at, o.scraped, stop, err = child(stderr); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	r, err := attack(ctx, o, stderr)
	if err != nil {
		return err
	}
	r.print(stdout)
	return r.verdict()
}

// attack runs the whole: the good clients connect, talk while the attackers are
// at work, and are counted when those have stopped.
func attack(ctx context.Context, o *options, stderr io.Writer) (*report, error) {
	good, err := gather(ctx, &o.at, o.good)
	if err != nil {
		return nil, err
	}
	defer good.end()
	r := &report{options: *o}
	if r.Before, err = scrape(ctx, o.scraped); err != nil {
		return nil, err
	}
	r.Peak = r.Before
	talk, quiet := context.WithCancel(ctx)
	defer quiet()
	talking := make(chan struct{})
	go func() {
		defer close(talking)
		good.talk(talk)
	}()
	hostile, stop := context.WithTimeout(ctx, o.length)
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(hostile, stderr)
	}()
	r.Attacks = assault(hostile, o)
	<-watched
	quiet()
	<-talking
	good.settle(20 * time.Second)
	r.Good = good.account()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	if err := r.calm(ctx); err != nil {
		return nil, err
	}
	return r, nil
}
