package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"sigs.k8s.io/apiserver-network-proxy/konnectivity-client/pkg/client"
)

// way is how a connection to the backend is made.
type way struct {
	kind   string
	addr   string
	target string
	header string
	keys   string
	name   string

	tls    *tls.Config
	shared client.ReusableTunnel
}

// dialLimit is how long a dial may take before it counts as failed.
const dialLimit = 10 * time.Second

func (w *way) flags(flags *flag.FlagSet) {
	flags.StringVar(&w.kind, "via", "plain", "plain, grpc, reuse or connect")
	flags.StringVar(&w.addr, "addr", "", "where the way begins")
	flags.StringVar(&w.target, "target", "", "what to ask grpc, reuse and connect for")
	flags.StringVar(&w.header, "header", "", "a header for connect to send, \"Name: value\"")
	flags.StringVar(&w.keys, "keys", "", "folder with ca.crt, client.crt and client.key")
	flags.StringVar(&w.name, "server-name", "localhost", "the name in the server's certificate")
}

// args is the way as flags again.
func (w *way) args() []string {
	return []string{"--via", w.kind, "--addr", w.addr, "--target", w.target, "--header", w.header, "--keys", w.keys, "--server-name", w.name}
}

// open prepares what all connections share.
func (w *way) open() error {
	if w.kind == "plain" {
		return nil
	}
	var err error
	if w.tls, err = w.config(); err != nil {
		return err
	}
	if w.kind == "reuse" {
		ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
		defer cancel()
		w.shared, err = client.CreateGRPCTunnel(ctx, w.addr, w.options()...)
	}
	return err
}

func (w *way) dial() (net.Conn, error) {
	return w.dialWithin(dialLimit)
}

func (w *way) dialWithin(limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch w.kind {
	case "plain":
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", w.addr)
	case "grpc":
		// The tunnel's own context outlives the dial's: it ends with the connection.
		tunnel, err := client.CreateSingleUseGrpcTunnelWithContext(ctx, context.Background(), w.addr, w.options()...)
		if err != nil {
			return nil, err
		}
		return tunnel.DialContext(ctx, "tcp", w.target)
	case "reuse":
		return w.shared.DialContext(ctx, "tcp", w.target)
	case "connect":
		return w.connect(ctx, limit)
	default:
		return nil, fmt.Errorf("no way is called %q", w.kind)
	}
}

func (w *way) connect(ctx context.Context, limit time.Duration) (net.Conn, error) {
	dialer := tls.Dialer{Config: w.tls}
	conn, err := dialer.DialContext(ctx, "tcp", w.addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(limit))
	more := ""
	if w.header != "" {
		more = w.header + "\r\n"
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", w.target, w.target, more); err != nil {
		conn.Close()
		return nil, err
	}
	if err := accepted(conn); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

// accepted reads the head of a CONNECT's answer. The backend never speaks
// first, so nothing but the head can be there to read.
func accepted(conn net.Conn) error {
	reader := bufio.NewReader(io.LimitReader(conn, 16<<10))
	status, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") {
		return fmt.Errorf("connect: %s", strings.TrimSpace(status))
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
	}
	if reader.Buffered() > 0 {
		return errors.New("connect: bytes behind the answer's head")
	}
	return nil
}

func (w *way) options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(w.tls)), grpc.WithBlock()}
}

func (w *way) config() (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(w.keys, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(w.keys, "client.crt"), filepath.Join(w.keys, "client.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("no certificate in ca.crt")
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: w.name, MinVersion: tls.VersionTLS13}, nil
}
