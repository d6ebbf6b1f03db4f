package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// idle opens connections, sees a byte through each, says so, and keeps them.
func idle(s settings) (figures, error) {
	conns := make([]net.Conn, s.count)
	failures := make([]error, s.streams)
	var workers sync.WaitGroup
	for worker := range s.streams {
		workers.Go(func() {
			for i := worker; i < s.count && failures[worker] == nil; i += s.streams {
				conns[i], failures[worker] = seen(&s.way)
			}
		})
	}
	workers.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	if err := (figures{"open": float64(s.count)}).print(); err != nil {
		return nil, err
	}
	time.Sleep(time.Hour)
	return nil, errors.New("nobody ended this")
}

func seen(w *way) (net.Conn, error) {
	conn, err := w.dial()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{echo, 'x'}); err != nil {
		return nil, err
	}
	var back [1]byte
	_, err = io.ReadFull(conn, back[:])
	return conn, err
}
