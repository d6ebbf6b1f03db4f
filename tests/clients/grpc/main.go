// Command adit-grpc is either end of gRPC's own interoperability tests: a
// server, or a client that reaches it below a path. The client says on one line
// of JSON which of them went well, and ends with 1 at the first that did not.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
)

// limit is how long all of the client's tests may take together.
const limit = time.Minute

func main() {
	serve := flag.String("serve", "", "address to serve at, without TLS")
	target := flag.String("target", "", "address to call, with TLS")
	prefix := flag.String("prefix", "", "path that goes before each method")
	authority := flag.String("ca", "", "file with the authority of the target's certificate")
	token := flag.String("token", "", "file with a bearer token")
	flag.Parse()

	var err error
	if *serve != "" {
		err = server(*serve)
	} else {
		err = client(*target, *prefix, *authority, *token)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "adit-grpc:", err)
		os.Exit(1)
	}
}

func server(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	fmt.Println("serving")
	return server.Serve(listener)
}

func client(target, prefix, authority, token string) error {
	ca, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return errors.New("no certificate in " + authority)
	}
	bearer, err := os.ReadFile(token)
	if err != nil {
		return err
	}
	way := way{prefix, "Bearer " + strings.TrimSpace(string(bearer))}
	connection, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool})),
		grpc.WithUnaryInterceptor(way.unary), grpc.WithStreamInterceptor(way.stream))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return all(ctx, testpb.NewTestServiceClient(connection))
}

// all runs the tests; each ends the process when it fails.
func all(ctx context.Context, client testpb.TestServiceClient) error {
	tests := []struct {
		name string
		run  func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)
	}{
		{"empty_unary", interop.DoEmptyUnaryCall},
		{"large_unary", interop.DoLargeUnaryCall},
		{"client_streaming", interop.DoClientStreaming},
		{"server_streaming", interop.DoServerStreaming},
		{"ping_pong", interop.DoPingPong},
		{"empty_stream", interop.DoEmptyStream},
		{"timeout_on_sleeping_server", interop.DoTimeoutOnSleepingServer},
		{"cancel_after_begin", interop.DoCancelAfterBegin},
		{"cancel_after_first_response", interop.DoCancelAfterFirstResponse},
		{"custom_metadata", interop.DoCustomMetadata},
		{"status_code_and_message", interop.DoStatusCodeAndMessage},
		{"special_status_message", interop.DoSpecialStatusMessage},
	}
	passed := []string{}
	for _, test := range tests {
		test.run(ctx, client)
		passed = append(passed, test.name)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"passed": passed})
}

// way is how calls get to the server.
type way struct{ prefix, authorization string }

func (w way) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(w.authorized(ctx), w.prefix+method, req, reply, cc, options...)
}

func (w way) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, stream grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return stream(w.authorized(ctx), desc, cc, w.prefix+method, options...)
}

func (w way) authorized(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", w.authorization)
}
