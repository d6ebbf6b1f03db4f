// Command kwok-kubelet is the streaming half of a kubelet for kwok's nodes:
// logs, exec, attach and port-forward, served by Kubernetes' own streaming
// library, for any pod. kwok keeps the status of nodes and pods.
//
// A container here is a folder: DIR/NAMESPACE/POD/CONTAINER is the working
// directory of what exec runs, on this machine and as this user, and beside it
// CONTAINER.log is its log. It serves whoever can connect, so it must listen
// where only the tests can.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"log"
	"math/big"
	"net"
	"net/http"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:10250", "address to serve HTTPS on")
	dir := flag.String("dir", ".", "folder that holds the containers")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *dir); err != nil {
		log.Fatalf("kwok-kubelet: %v", err)
	}
}

// run serves until ctx ends; what exec started ends with it.
func run(ctx context.Context, listen, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(node{dir: dir}),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}},
		// No HTTP/2: a connection that is upgraded must be HTTP/1.1.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	context.AfterFunc(ctx, func() { server.Close() })
	log.Printf("kwok-kubelet: listening on %s, containers in %s", listener.Addr(), dir)
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// selfSigned makes a certificate for this run alone: an API server that is not
// told a kubelet CA does not check it.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "kwok-kubelet"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
