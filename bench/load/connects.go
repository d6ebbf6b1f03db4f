package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// connects measures dials, one byte there and back, as fast as the workers can.
func connects(s settings) (figures, error) {
	all := newSamples()
	for worker := range s.streams {
		go func() {
			for {
				all.try(worker, func() error { return s.way.touch(dialLimit) })
			}
		}()
	}
	time.Sleep(warmUp)
	all.begin()
	begun := time.Now()
	time.Sleep(s.seconds)
	done, complete := all.window()
	result := figures{"per_s": float64(len(done)) / time.Since(begun).Seconds(), "complete": complete}
	result.percentiles(done)
	return result, nil
}

// touch dials, sends one byte, takes it back and closes.
func (w *way) touch(limit time.Duration) error {
	conn, err := w.dialWithin(limit)
	if err != nil {
		return err
	}
	// Deadlines are not to be had on every way.
	timer := time.AfterFunc(limit, func() { conn.Close() })
	defer timer.Stop()
	_, err = conn.Write([]byte{echo, 'x'})
	if err == nil {
		var back [1]byte
		_, err = io.ReadFull(conn, back[:])
	}
	// A close that waits for the far end is no part of what is measured.
	go conn.Close()
	return err
}

// await tries until a dial succeeds, and tells how long that was since the
// moment the caller names. Tries overlap: one that hangs holds up no other.
func await(s settings) (figures, error) {
	const every, within, atOnce = 5 * time.Millisecond, 2 * time.Second, 64
	since := time.Now()
	if s.since != 0 {
		since = time.Unix(0, s.since)
	}
	good := make(chan time.Duration, 1)
	room := make(chan struct{}, atOnce)
	var last error
	var mutex sync.Mutex
	limit := time.After(s.seconds)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case took := <-good:
			return figures{"seconds": took.Seconds()}, nil
		case <-limit:
			mutex.Lock()
			defer mutex.Unlock()
			return nil, fmt.Errorf("no good dial within %v: %w", s.seconds, last)
		case <-ticker.C:
		}
		select {
		case room <- struct{}{}:
		default:
			continue
		}
		go func() {
			defer func() { <-room }()
			if err := s.way.touch(within); err != nil {
				mutex.Lock()
				last = err
				mutex.Unlock()
				return
			}
			select {
			case good <- time.Since(since):
			default:
			}
		}()
	}
}
