package main

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// watch is what others see: requests one after another on one connection, and
// a new dial now and then.
type watch struct {
	requests *samples
	dials    *samples
}

const (
	// settle is how long a disturbance has before its effect is measured.
	settle     = 500 * time.Millisecond
	dialEvery  = 20 * time.Millisecond
	dialsLimit = 5 * time.Second
)

func newWatch(s settings) (*watch, error) {
	session, err := newSession(&s.way)
	if err != nil {
		return nil, err
	}
	w := &watch{requests: newSamples(), dials: newSamples()}
	go loop(session, w.requests)
	go func() {
		for {
			w.dials.try(0, func() error { return s.way.touch(dialsLimit) })
			time.Sleep(dialEvery)
		}
	}()
	return w, nil
}

// during measures for so long and puts the figures under these names.
func (w *watch) during(length time.Duration, prefix string, into figures) {
	w.requests.begin()
	w.dials.begin()
	time.Sleep(length)
	done, complete := w.requests.window()
	into.few(prefix, done)
	dials, dialed := w.dials.window()
	into.few(prefix+"dial_", dials)
	into[prefix+"complete"] = min(complete, dialed)
}

// change adds the ratios of what is with to what was before.
func (f figures) change() {
	for _, name := range []string{"p99_us", "dial_p50_us"} {
		if before := f["before_"+name]; before > 0 {
			f["change_"+name] = f[name] / before
		}
	}
}

// stall measures others before and while one reader has stopped: the client
// of a download, or with --up the backend of an upload.
func stall(s settings) (figures, error) {
	watch, err := newWatch(s)
	if err != nil {
		return nil, err
	}
	time.Sleep(warmUp)
	result := figures{}
	watch.during(s.seconds, "before_", result)
	victim, err := s.way.dial()
	if err != nil {
		return nil, err
	}
	if s.upload {
		go fill(victim, byte(s.seconds/time.Second)+2)
	} else if _, err := victim.Write([]byte{download}); err != nil {
		return nil, err
	}
	time.Sleep(settle)
	watch.during(s.seconds, "", result)
	result.change()
	return result, nil
}

// fill sends until nobody takes any more.
func fill(conn net.Conn, seconds byte) {
	chunk := make([]byte, chunkSize)
	conn.Write([]byte{hole, seconds})
	for {
		if _, err := conn.Write(chunk); err != nil {
			return
		}
	}
}

// abort measures others before and right after a client with many downloads is
// killed in the middle of them.
func abort(s settings) (figures, error) {
	watch, err := newWatch(s)
	if err != nil {
		return nil, err
	}
	time.Sleep(warmUp)
	result := figures{}
	watch.during(s.seconds, "before_", result)
	if err := s.killInTheMiddle(); err != nil {
		return nil, err
	}
	watch.during(s.seconds, "", result)
	result.change()
	return result, nil
}

// killInTheMiddle has another process of this program download, and kills it.
func (s settings) killInTheMiddle() error {
	flags := append([]string{"bulk", "--streams", strconv.Itoa(s.streams), "--for", "1m"}, s.way.args()...)
	child := exec.Command(os.Args[0], flags...)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	_, err = bufio.NewReader(output).ReadString('\n')
	if err == nil {
		time.Sleep(2 * time.Second)
	}
	return errors.Join(err, child.Process.Kill())
}
