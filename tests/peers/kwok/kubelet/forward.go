package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// PortForward connects a stream to a port of the pod. Each pod echoes on port 7
// and tells its name over HTTP on port 80; its other ports are those of
// 127.0.0.1 here, as if it used its node's network.
func (n node) PortForward(ctx context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	switch port {
	case 7:
		_, err := io.Copy(stream, stream)
		return err
	case 80:
		return answer(stream, pod+"\n")
	default:
		return splice(ctx, stream, net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	}
}

// answer reads one HTTP/1.1 request and answers it with body.
func answer(stream io.ReadWriter, body string) error {
	request, err := http.ReadRequest(bufio.NewReader(stream))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	return err
}

// splice copies both ways until the far end has said all it has to say.
func splice(ctx context.Context, stream io.ReadWriter, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		io.Copy(conn, stream)
		conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}
