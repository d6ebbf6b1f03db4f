package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// serveLogs answers with the container's log; with `follow` until the client goes.
func (n node) serveLogs(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("previous") == "true" {
		http.Error(w, "previous terminated container not found", http.StatusBadRequest)
		return
	}
	options, err := logOptions(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := n.container(podOf(r), r.PathValue("container"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	out := flushing{w, http.NewResponseController(w)}
	out.Flush()
	// The head is out: an error can only end the body.
	logs.ReadLogs(r.Context(), c.log, "", options, noRuntime{}, out, out)
}

// AttachContainer behaves as a container whose program is `cat` would: without
// stdin it shows the lines that the log gets from now on; with it, each line of
// stdin is printed and logged, and its end is the end.
func (n node) AttachContainer(ctx context.Context, pod, _, name string, in io.Reader, out, errOut io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	c, err := n.container(pod, name)
	if err != nil {
		return err
	}
	if in != nil {
		return c.cat(in, out)
	}
	ctx, cancel := until(ctx, out)
	defer cancel()
	options := &logs.LogOptions{Follow: true, TailLines: new(int64)}
	return logs.ReadLogs(ctx, c.log, "", options, noRuntime{}, out, errOut)
}

func (c container) cat(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := c.print(lines.Text()); err != nil {
			return err
		}
		if out == nil {
			continue
		}
		if _, err := fmt.Fprintln(out, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// print adds a line to the log as a container runtime writes it.
func (c container) print(line string) error {
	file, err := os.OpenFile(c.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintf(file, "%s stdout F %s\n", time.Now().UTC().Format(time.RFC3339Nano), line)
	return err
}

// logOptions reads the fields of PodLogOptions as an API server sends them.
func logOptions(query url.Values) (*logs.LogOptions, error) {
	options := &logs.LogOptions{
		Follow:    query.Get("follow") == "true",
		Timestamp: query.Get("timestamps") == "true",
	}
	for name, set := range map[string]func(int64){
		"limitBytes":   func(n int64) { options.LimitBytes = &n },
		"sinceSeconds": func(n int64) { options.Since = time.Now().Add(-time.Duration(n) * time.Second) },
		"tailLines":    func(n int64) { options.TailLines = &n },
	} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.ParseInt(query.Get(name), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		set(n)
	}
	if since := query.Get("sinceTime"); since != "" {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return nil, fmt.Errorf("sinceTime: %w", err)
		}
		options.Since = at
	}
	return options, nil
}

// flushing sends each line as it comes.
type flushing struct {
	io.Writer
	*http.ResponseController
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.Flush()
	}
	return n, err
}

// noRuntime stands for a container runtime that cannot be asked, which the log
// reader takes for "the container still runs".
type noRuntime struct {
	cri.RuntimeService
}

func (noRuntime) ContainerStatus(context.Context, string, bool) (*runtime.ContainerStatusResponse, error) {
	return nil, status.Error(codes.Unavailable, "there is no container runtime")
}
