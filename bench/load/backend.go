package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// The first byte of a connection says what it is for.
const (
	echo         = 'E' // every byte comes back
	download     = 'D' // chunks until the client sends a byte
	upload       = 'U' // chunks until one is marked as the last; counts come back
	hole         = 'S' // seconds, during which nothing is read
	post         = 'P' // HTTP/1.1: POSTs of 1 KiB
	tail         = 'C' // length and bytes: is all there at the end?
	clientEnds   = 'H' // length and bytes up to the end; then a reply
	backendEnds  = 'B' // a reply and an end; then length and bytes
	whatArrived  = 'Q' // tells the counts as JSON
	chunkSize    = 64 << 10
	replySize    = 1000
	countEvery   = 50 * time.Millisecond
	requestSize  = len(requestHead) + bodySize
	responseSize = len(responseHead) + bodySize
	bodySize     = 1 << 10
	requestHead  = "POST / HTTP/1.1\r\nHost: backend\r\nContent-Length: 1024\r\n\r\n"
	responseHead = "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n"
)

// arrivals counts connections of the kinds tail and backendEnds.
type arrivals struct {
	Ended    atomic.Int64
	Complete atomic.Int64
}

func serve(args []string) error {
	flags := flag.NewFlagSet("backend", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:9000", "address")
	flags.Parse(args)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	counts := &arrivals{}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go counts.handle(conn.(*net.TCPConn))
	}
}

func (a *arrivals) handle(conn *net.TCPConn) {
	defer conn.Close()
	var kind [1]byte
	if _, err := io.ReadFull(conn, kind[:]); err != nil {
		return
	}
	switch kind[0] {
	case echo:
		io.Copy(conn, conn)
	case download:
		sendChunks(conn)
	case upload:
		takeChunks(conn)
	case hole:
		readNothing(conn)
	case post:
		answerPosts(conn)
	case tail:
		a.note(takeWhole(conn))
	case clientEnds:
		if takeWhole(conn) {
			conn.Write(make([]byte, replySize))
		}
	case backendEnds:
		conn.Write(make([]byte, replySize))
		conn.CloseWrite()
		a.note(takeWhole(conn))
	case whatArrived:
		json.NewEncoder(conn).Encode(map[string]int64{"ended": a.Ended.Load(), "complete": a.Complete.Load()})
	}
}

func (a *arrivals) note(complete bool) {
	if complete {
		a.Complete.Add(1)
	}
	a.Ended.Add(1)
}

// sendChunks sends until the client sends a byte; the last chunk begins with 0.
func sendChunks(conn net.Conn) {
	var stop atomic.Bool
	go func() {
		var one [1]byte
		conn.Read(one[:])
		stop.Store(true)
	}()
	chunk := make([]byte, chunkSize)
	chunk[0] = 1
	for !stop.Load() {
		if _, err := conn.Write(chunk); err != nil {
			return
		}
	}
	chunk[0] = 0
	conn.Write(chunk)
}

// takeChunks reads until a chunk begins with 0, and tells now and then, and at
// the end, how many bytes it has.
func takeChunks(conn net.Conn) {
	var taken atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		followChunks(conn, func(n int) { taken.Add(int64(n)) })
	}()
	ticker := time.NewTicker(countEvery)
	defer ticker.Stop()
	told := int64(-1)
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		case <-ticker.C:
		}
		if now := taken.Load(); now != told {
			told = now
			if binary.Write(conn, binary.BigEndian, now) != nil {
				return
			}
		}
	}
}

// followChunks reads chunks to the last one, and tells how many bytes each
// read had.
func followChunks(reader io.Reader, took func(int)) error {
	buffer := make([]byte, 2*chunkSize)
	at, last := 0, false
	for {
		n, err := reader.Read(buffer)
		for i := 0; i < n; {
			if at == 0 {
				last = buffer[i] == 0
			}
			step := min(n-i, chunkSize-at)
			at, i = (at+step)%chunkSize, i+step
			if at == 0 && last {
				took(n)
				return nil
			}
		}
		took(n)
		if err != nil {
			return err
		}
	}
}

func answerPosts(conn net.Conn) {
	request := make([]byte, requestSize)
	request[0] = post
	response := append([]byte(responseHead), make([]byte, bodySize)...)
	for at := 1; ; at = 0 {
		if _, err := io.ReadFull(conn, request[at:]); err != nil {
			return
		}
		if _, err := conn.Write(response); err != nil {
			return
		}
	}
}

// takeWhole reads a length and then to the end: whether just that many came.
func takeWhole(conn net.Conn) bool {
	var length uint64
	if binary.Read(conn, binary.BigEndian, &length) != nil {
		return false
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 2*chunkSize))
	return err == nil && uint64(n) == length
}

// readNothing leaves what comes where it is, for as many seconds as the client
// says in one byte.
func readNothing(conn *net.TCPConn) {
	conn.SetReadBuffer(chunkSize)
	var seconds [1]byte
	if _, err := io.ReadFull(conn, seconds[:]); err == nil {
		time.Sleep(time.Duration(seconds[0]) * time.Second)
	}
}

// asked is the backend's own word on what arrived.
func asked(control string) (map[string]int64, error) {
	if control == "" {
		return nil, errors.New("--control is needed")
	}
	conn, err := net.DialTimeout("tcp", control, dialLimit)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{whatArrived}); err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	return counts, json.NewDecoder(conn).Decode(&counts)
}
