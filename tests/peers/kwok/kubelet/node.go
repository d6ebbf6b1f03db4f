package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	// How long an upgraded connection may be silent: longer than any test.
	idleTimeout = 4 * time.Hour
	// How long a client may take to open the streams it announced.
	creationTimeout = 30 * time.Second
)

// node is every node that kwok keeps: pods are told apart by name alone.
type node struct {
	dir string
}

// container is where one container keeps its files.
type container struct {
	dir, log string
}

// routes has the paths that an API server asks a kubelet for.
func routes(n node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLogs)
	for _, uid := range []string{"", "{uid}/"} {
		mux.HandleFunc("/exec/{namespace}/{pod}/"+uid+"{container}", n.serveExec)
		mux.HandleFunc("/attach/{namespace}/{pod}/"+uid+"{container}", n.serveAttach)
	}
	mux.HandleFunc("/portForward/{namespace}/{pod}", n.servePortForward)
	mux.HandleFunc("/portForward/{namespace}/{pod}/{uid}", n.servePortForward)
	return mux
}

func (n node) serveExec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, n, podOf(r), "", r.PathValue("container"), r.Form["command"], options,
		idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (n node) serveAttach(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeAttach(w, r, n, podOf(r), "", r.PathValue("container"), options,
		idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (n node) servePortForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, n, podOf(r), "", options,
		idleTimeout, creationTimeout, portforward.SupportedProtocols)
}

// podOf is the NAMESPACE/POD of a request.
func podOf(r *http.Request) string {
	return r.PathValue("namespace") + "/" + r.PathValue("pod")
}

// container makes a container's folder, and its log with one line, if they are not there.
func (n node) container(pod, name string) (container, error) {
	relative := filepath.FromSlash(pod + "/" + name)
	if !filepath.IsLocal(relative) {
		return container{}, fmt.Errorf("%q is not a container's name", relative)
	}
	c := container{dir: filepath.Join(n.dir, relative)}
	c.log = c.dir + ".log"
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return container{}, err
	}
	if _, err := os.Stat(c.log); os.IsNotExist(err) {
		return c, c.print(pod + "/" + name + " started")
	}
	return c, nil
}

// until is a context that also ends when the client is gone: an upgraded
// connection does not end its request's context, but its streams end.
func until(ctx context.Context, stream io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if reader, ok := stream.(io.Reader); ok {
		go func() {
			defer cancel()
			io.Copy(io.Discard, reader)
		}()
	}
	return ctx, cancel
}
