package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// session is one HTTP/1.1 connection that is kept alive.
type session struct {
	conn     net.Conn
	request  []byte
	response []byte
}

func newSession(w *way) (*session, error) {
	conn, err := w.dial()
	if err != nil {
		return nil, err
	}
	return &session{
		conn:     conn,
		request:  append([]byte(requestHead), make([]byte, bodySize)...),
		response: make([]byte, responseSize),
	}, nil
}

func (s *session) exchange() error {
	if _, err := s.conn.Write(s.request); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.conn, s.response); err != nil {
		return err
	}
	if !strings.HasPrefix(string(s.response[:len(responseHead)]), responseHead) {
		return errors.New("not the backend's response")
	}
	return nil
}

// requests measures a closed loop on each connection.
func requests(s settings) (figures, error) {
	sessions, err := open(s)
	if err != nil {
		return nil, err
	}
	all := make([]*samples, len(sessions))
	for i, session := range sessions {
		all[i] = newSamples()
		go loop(session, all[i])
	}
	time.Sleep(warmUp)
	for _, one := range all {
		one.begin()
	}
	begun := time.Now()
	time.Sleep(s.seconds)
	result := figures{}
	merged, complete := merge(all)
	result["per_s"] = float64(len(merged)) / time.Since(begun).Seconds()
	result["complete"] = complete
	result.percentiles(merged)
	return result, nil
}

func open(s settings) ([]*session, error) {
	sessions := make([]*session, s.streams)
	failures := make([]error, s.streams)
	var opened sync.WaitGroup
	for i := range sessions {
		opened.Go(func() { sessions[i], failures[i] = newSession(&s.way) })
	}
	opened.Wait()
	return sessions, errors.Join(failures...)
}

// loop exchanges until the connection fails; a failure counts once.
func loop(session *session, into *samples) {
	for into.try(0, session.exchange) == nil {
	}
}

// beside measures paced requests, from the moment each is due, next to a bulk
// download.
func beside(s settings) (figures, error) {
	bulk := s
	bulk.streams, bulk.upload = 1, false
	transfers, err := begin(bulk)
	if err != nil {
		return nil, err
	}
	sessions, err := open(s)
	if err != nil {
		return nil, err
	}
	time.Sleep(warmUp)
	before, begun := sum(transfers), time.Now()
	all := make([]*samples, len(sessions))
	for i, session := range sessions {
		all[i] = newSamples()
		go pace(session, s, time.Duration(i)*time.Second/time.Duration(s.rate*len(sessions)), all[i])
	}
	time.Sleep(s.seconds)
	moved := float64(sum(transfers)-before) / (1 << 20) / time.Since(begun).Seconds()
	merged, complete := merge(all)
	finish(transfers)
	result := figures{"complete": complete, "mib_s": moved}
	result.percentiles(merged)
	return result, nil
}

// pace exchanges at fixed moments. One that is late holds up the next, whose
// time then begins when it was due all the same.
func pace(session *session, s settings, offset time.Duration, into *samples) {
	due := time.Now().Add(offset)
	for {
		time.Sleep(time.Until(due))
		if into.tryFrom(due, 0, session.exchange) != nil {
			return
		}
		due = due.Add(time.Second / time.Duration(s.rate))
	}
}
