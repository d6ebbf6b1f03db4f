// Command load puts the same load on every path that the bench compares, and
// serves the other end of it: one client and one backend for all of them.
//
// Each mode prints one JSON object of numbers on a line of its own.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// mode is a load: it measures through the way in and tells its figures.
type mode struct {
	about string
	run   func(settings) (figures, error)
}

// settings are what the command line says, for whatever mode needs them.
type settings struct {
	way     way
	streams int
	seconds time.Duration
	count   int
	size    int
	rate    int
	upload  bool
	control string
	since   int64
}

// figures are what a mode prints.
type figures map[string]float64

var modes = map[string]mode{
	"bulk":    {"streams that carry as much as they can", bulk},
	"http":    {"requests one after another on each connection", requests},
	"connect": {"dial, one byte there and back, close", connects},
	"beside":  {"paced requests beside one bulk download", beside},
	"stall":   {"requests and dials before and while one reader has stopped", stall},
	"abort":   {"requests and dials before and after many downloads are aborted", abort},
	"close":   {"write, then close: how often all of it arrives", closeTail},
	"half":    {"one direction ends, the other goes on: how often all of it arrives", halfClose},
	"idle":    {"connections that are open and silent, until this is killed", idle},
	"await":   {"how long until the first good dial", await},
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	if os.Args[1] == "backend" {
		fail(serve(os.Args[2:]))
		return
	}
	chosen, known := modes[os.Args[1]]
	if !known {
		usage()
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var s settings
	s.way.flags(flags)
	flags.IntVar(&s.streams, "streams", 1, "connections at once")
	flags.DurationVar(&s.seconds, "for", 3*time.Second, "how long to measure")
	flags.IntVar(&s.count, "count", 1000, "how many in all")
	flags.IntVar(&s.size, "size", 1<<20, "bytes of each")
	flags.IntVar(&s.rate, "rate", 25, "paced requests a second on each connection")
	flags.BoolVar(&s.upload, "up", false, "towards the backend instead of from it")
	flags.StringVar(&s.control, "control", "", "the backend's address, to ask what arrived there")
	flags.Int64Var(&s.since, "since", 0, "when the wait began, in Unix nanoseconds")
	flags.Parse(os.Args[2:]) // ends the process on an error
	fail(s.way.open())
	result, err := chosen.run(s)
	fail(err)
	fail(result.print())
}

func (f figures) print() error {
	return json.NewEncoder(os.Stdout).Encode(f)
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: load backend --listen ADDR\n       load MODE --via WAY --addr ADDR [flags]\nmodes:")
	for name, mode := range modes {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", name, mode.about)
	}
	os.Exit(2)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
