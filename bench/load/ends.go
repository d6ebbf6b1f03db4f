package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// quiet is how long nothing more ends at the backend before nothing will. A
// tunnel that stalls for less has lost nothing.
const quiet = 15 * time.Second

// halfSize is what is sent in the direction that goes on.
const halfSize = 100_000

// closeTail writes and closes, and asks the backend how often all of it came.
func closeTail(s settings) (figures, error) {
	payload := make([]byte, s.size)
	return s.completeAtBackend(s.count, func(int) bool {
		conn, err := s.way.dial()
		if err != nil {
			return false
		}
		sendWhole(conn, tail, payload)
		conn.Close()
		return false
	})
}

// halfClose ends one direction and uses the other: the client's first at even
// turns, the backend's at odd ones.
func halfClose(s settings) (figures, error) {
	payload := make([]byte, halfSize)
	return s.completeAtBackend(s.count/2, func(turn int) bool {
		conn, err := s.way.dial()
		if err != nil {
			return false
		}
		timer := time.AfterFunc(dialLimit, func() { conn.Close() })
		defer timer.Stop()
		defer conn.Close()
		if turn%2 == 0 {
			return endFirst(conn, payload) == nil
		}
		if _, err := conn.Write([]byte{backendEnds}); err != nil {
			return false
		}
		if reply, err := io.ReadAll(conn); err != nil || len(reply) != replySize {
			return false
		}
		body := binary.BigEndian.AppendUint64(nil, uint64(len(payload)))
		conn.Write(append(body, payload...))
		return false
	})
}

// endFirst sends all, ends its direction, and takes the reply to the end.
func endFirst(conn net.Conn, payload []byte) error {
	half, able := conn.(interface{ CloseWrite() error })
	if !able {
		return errors.New("this way knows no half-close")
	}
	if err := sendWhole(conn, clientEnds, payload); err != nil {
		return err
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	reply, err := io.ReadAll(conn)
	if err == nil && len(reply) != replySize {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func sendWhole(conn net.Conn, kind byte, payload []byte) error {
	head := binary.BigEndian.AppendUint64([]byte{kind}, uint64(len(payload)))
	if _, err := conn.Write(head); err != nil {
		return err
	}
	for rest := payload; len(rest) > 0; {
		n := min(len(rest), chunkSize)
		if _, err := conn.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// completeAtBackend runs all turns on a few workers. A turn is complete if it
// says so itself or the backend does, which is to hear of `there` of them.
func (s settings) completeAtBackend(there int, turn func(int) bool) (figures, error) {
	before, err := asked(s.control)
	if err != nil {
		return nil, err
	}
	var next, complete atomic.Int64
	var workers sync.WaitGroup
	begun := time.Now()
	for range s.streams {
		workers.Go(func() {
			for at := next.Add(1) - 1; at < int64(s.count); at = next.Add(1) - 1 {
				if turn(int(at)) {
					complete.Add(1)
				}
			}
		})
	}
	workers.Wait()
	took := time.Since(begun)
	after, last, err := settled(s.control, before["ended"]+int64(there))
	if err != nil {
		return nil, err
	}
	all := complete.Load() + after["complete"] - before["complete"]
	return figures{"complete": float64(all) / float64(s.count), "per_s": float64(s.count) / took.Seconds(), "seconds": last.Sub(begun).Seconds()}, nil
}

// settled asks until so many have ended at the backend, or no more do, and
// tells when the last of them did.
func settled(control string, wanted int64) (counts map[string]int64, since time.Time, err error) {
	last, since := int64(-1), time.Now()
	for {
		counts, err = asked(control)
		if err != nil {
			return nil, since, err
		}
		if counts["ended"] != last {
			last, since = counts["ended"], time.Now()
		}
		if last >= wanted || time.Since(since) > quiet {
			return counts, since, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}
