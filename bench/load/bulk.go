package main

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// transfer is one bulk stream, whose bytes are counted where they arrive.
type transfer struct {
	conn    net.Conn
	arrived atomic.Int64
	stop    atomic.Bool
	ended   chan struct{}
}

const (
	// warmUp passes before anything is measured.
	warmUp = 300 * time.Millisecond
	// drainLimit is how long what is on the way at the end may take.
	drainLimit = 8 * time.Second
)

// bulk measures between two moments while all streams are busy. It says on a
// line of its own when they are.
func bulk(s settings) (figures, error) {
	transfers, err := begin(s)
	if err != nil {
		return nil, err
	}
	if err := (figures{"streams": float64(len(transfers))}).print(); err != nil {
		return nil, err
	}
	time.Sleep(warmUp)
	begun, before := time.Now(), sum(transfers)
	time.Sleep(s.seconds)
	moved, took := sum(transfers)-before, time.Since(begun)
	finish(transfers)
	return figures{"mib_s": float64(moved) / (1 << 20) / took.Seconds(), "bytes": float64(sum(transfers))}, nil
}

// begin starts the streams and waits until each has moved something.
func begin(s settings) ([]*transfer, error) {
	transfers := make([]*transfer, s.streams)
	failures := make([]error, s.streams)
	var started sync.WaitGroup
	for i := range transfers {
		started.Go(func() { transfers[i], failures[i] = start(s) })
	}
	started.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(dialLimit)
	for _, transfer := range transfers {
		for transfer.arrived.Load() == 0 {
			if time.Now().After(deadline) {
				return nil, errors.New("a stream moves nothing")
			}
			time.Sleep(time.Millisecond)
		}
	}
	return transfers, nil
}

func start(s settings) (*transfer, error) {
	conn, err := s.way.dial()
	if err != nil {
		return nil, err
	}
	t := &transfer{conn: conn, ended: make(chan struct{})}
	kind := byte(download)
	if s.upload {
		kind = upload
	}
	if _, err := conn.Write([]byte{kind}); err != nil {
		return nil, err
	}
	if s.upload {
		go t.send()
		go t.hearCounts()
	} else {
		go t.take()
	}
	return t, nil
}

func (t *transfer) take() {
	defer close(t.ended)
	followChunks(t.conn, func(n int) { t.arrived.Add(int64(n)) })
}

func (t *transfer) send() {
	chunk := make([]byte, chunkSize)
	chunk[0] = 1
	for !t.stop.Load() {
		if _, err := t.conn.Write(chunk); err != nil {
			return
		}
	}
	chunk[0] = 0
	t.conn.Write(chunk)
}

// hearCounts takes what the backend says has arrived there.
func (t *transfer) hearCounts() {
	defer close(t.ended)
	for {
		var count int64
		if binary.Read(t.conn, binary.BigEndian, &count) != nil {
			return
		}
		t.arrived.Store(count)
	}
}

// finish lets the streams end in good order, for as long as that may take.
func finish(transfers []*transfer) {
	for _, t := range transfers {
		if !t.stop.Swap(true) {
			go t.conn.Write([]byte{0})
		}
	}
	limit := time.After(drainLimit)
	for _, t := range transfers {
		select {
		case <-t.ended:
		case <-limit:
			return
		}
	}
}

func sum(transfers []*transfer) int64 {
	var all int64
	for _, t := range transfers {
		all += t.arrived.Load()
	}
	return all
}
