// Command adit-client-go uses one Kubernetes context as programs on client-go
// do, and says on one line of JSON what it saw. It exits 1, with the reason on
// stderr, when that is not what it should have seen.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// limit is how long any one thing is waited for.
const limit = 30 * time.Second

// place is where a check does its work.
type place struct {
	config    *rest.Config
	namespace string
	// server is whom the test lets end the API server; nil where it does not.
	server *control
}

// check does one of the things that --check names; what it returns is printed.
type check func(ctx context.Context, at place) (any, error)

// alone is a check that needs nothing but the API server.
func alone(run func(ctx context.Context, config *rest.Config, namespace string) (any, error)) check {
	return func(ctx context.Context, at place) (any, error) { return run(ctx, at.config, at.namespace) }
}

var checks = map[string]check{
	"apply":     alone(checkApply),
	"conflicts": alone(checkConflicts),
	"discovery": alone(checkDiscovery),
	"dynamic":   alone(checkDynamic),
	"events":    alone(checkEvents),
	"informer": alone(func(ctx context.Context, c *rest.Config, ns string) (any, error) {
		return checkInformer(ctx, c, ns, false)
	}),
	"informer-watchlist": alone(func(ctx context.Context, c *rest.Config, ns string) (any, error) {
		return checkInformer(ctx, c, ns, true)
	}),
	"kinds":   alone(checkKinds),
	"leaders": checkLeaders,
	"list":    alone(checkList),
	"pages":   checkPages,
	"reviews": alone(checkReviews),
	"storm": func(ctx context.Context, at place) (any, error) {
		return checkStorm(ctx, at, false)
	},
	"storm-watchlist": func(ctx context.Context, at place) (any, error) {
		return checkStorm(ctx, at, true)
	},
}

func main() {
	names := strings.Join(slices.Sorted(maps.Keys(checks)), "|")
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig file; without it $KUBECONFIG or ~/.kube/config")
	kubecontext := flag.String("context", "", "context of the kubeconfig; without it the current one")
	namespace := flag.String("namespace", "default", "namespace to work in; it must exist")
	server := flag.String("control", "", "URL where the API server can be ended and started again")
	name := flag.String("check", "", "what to do: "+names)
	flag.Parse()

	run, known := checks[*name]
	if !known {
		fail(fmt.Errorf("--check must be one of %s", names))
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = *kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: *kubecontext}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		fail(err)
	}
	config.UserAgent = "adit-client-go"
	// The client's own limit of a few requests a second is not what is tried.
	config.QPS = -1
	at := place{config: config, namespace: *namespace}
	if *server != "" {
		at.server = &control{*server}
	}
	seen, err := run(context.Background(), at)
	if err != nil {
		fail(fmt.Errorf("%s: %w", *name, err))
	}
	line, err := json.Marshal(map[string]any{"check": *name, "namespace": *namespace, "result": seen})
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "adit-client-go:", err)
	os.Exit(1)
}
