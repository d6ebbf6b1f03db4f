package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// control is the test's own hand on the API server.
type control struct{ url string }

// crash has the server killed and started again; it returns when it is ready.
func (c *control) crash(ctx context.Context) error { return c.post(ctx, "crash") }

// forget does the same, and while the server is away one object called `gone`
// is deleted, one called `late` made, and all history forgotten.
func (c *control) forget(ctx context.Context) error { return c.post(ctx, "forget") }

func (c *control) post(ctx context.Context, what string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/"+what, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", what, response.Status, said)
	}
	return err
}
