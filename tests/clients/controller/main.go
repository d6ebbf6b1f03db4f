// Command adit-controller is a small controller on controller-runtime, and what
// tries it: for each ConfigMap with a label it keeps a Secret, and takes it away
// before the ConfigMap goes. Meanwhile it has the API server crash and forget. It
// says on one line of JSON what there is at the end, and exits 1, with the reason
// on stderr, where that is not what there should be.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// limit is how long any one thing is waited for.
	limit   = time.Minute
	between = 20 * time.Millisecond
	owners  = 20
)

// seen is what there is at the end.
type seen struct {
	Owners  []string `json:"owners"`
	Secrets []string `json:"secrets"`
	Cleaned []string `json:"cleaned"`
	Leader  bool     `json:"leader"`
}

func main() {
	control := flag.String("control", "", "URL where the API server can be ended and started again")
	namespace := flag.String("namespace", "", "namespace to work in; it is made")
	// The flag -kubeconfig is controller-runtime's.
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	told, err := started(*control, *namespace)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(told)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "adit-controller:", err)
		os.Exit(1)
	}
}

func started(control, namespace string) (*seen, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.UserAgent = -1, "adit-controller"
	return run(context.Background(), config, control, namespace)
}

func run(ctx context.Context, config *rest.Config, control, namespace string) (*seen, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*limit)
	defer cancel()
	// Beside the manager's, which reads from its cache.
	plain, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	made := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: namespace}}
	if err := plain.Create(ctx, made); err != nil {
		return nil, err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Metrics:                       metrics.Options{BindAddress: "0"},
		LeaderElection:                true,
		LeaderElectionID:              "adit-controller",
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
		Cache:                         cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
	})
	if err != nil {
		return nil, err
	}
	keeper := &keeper{Client: manager.GetClient(), scheme: manager.GetScheme()}
	if err := keeper.register(manager); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	told, err := try(ctx, plain, keeper, control, namespace)
	select {
	case <-manager.Elected():
	default:
		return nil, fmt.Errorf("the manager does not lead")
	}
	stop()
	if failed := <-ended; err == nil && failed != nil {
		err = fmt.Errorf("the manager: %w", failed)
	}
	if err != nil {
		return nil, err
	}
	told.Leader = true
	return told, nil
}

// try makes owners and deletes half of them, while the server fails.
func try(ctx context.Context, plain client.Client, keeper *keeper, control, namespace string) (*seen, error) {
	var names []string
	for number := range owners {
		name := fmt.Sprintf("owner-%02d", number)
		owner := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"of": "owner"}}}
		err := surely(ctx, apierrors.IsAlreadyExists, func() error { return plain.Create(ctx, owner.DeepCopy()) })
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
		names = append(names, name)
		if number == owners/2 {
			if err := order(ctx, control, "crash"); err != nil {
				return nil, err
			}
		}
	}
	if err := await(ctx, "a Secret for each", func() bool { return slices.Equal(secrets(ctx, plain, namespace), names) }); err != nil {
		return nil, err
	}
	leaving, staying := names[:owners/2], names[owners/2:]
	for number, name := range leaving {
		owner := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name}}
		if err := surely(ctx, apierrors.IsNotFound, func() error { return plain.Delete(ctx, owner) }); err != nil {
			return nil, fmt.Errorf("delete %s: %w", name, err)
		}
		if number == owners/4 {
			if err := order(ctx, control, "forget"); err != nil {
				return nil, err
			}
		}
	}
	told := &seen{}
	err := await(ctx, "what stays", func() bool {
		told.Owners, told.Secrets, told.Cleaned = configMaps(ctx, plain, namespace), secrets(ctx, plain, namespace), keeper.gone()
		return slices.Equal(told.Owners, staying) && slices.Equal(told.Secrets, staying)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: there is %+v", err, told)
	}
	if !slices.Equal(told.Cleaned, leaving) {
		return nil, fmt.Errorf("cleaned up after %v", told.Cleaned)
	}
	// The manager's cache follows.
	err = await(ctx, "the cache", func() bool { return slices.Equal(configMaps(ctx, keeper, namespace), staying) })
	return told, err
}

// surely does it again while the server is away; done already is done too.
func surely(ctx context.Context, done func(error) bool, what func() error) error {
	for {
		err := what()
		if err == nil || done(err) {
			return nil
		}
		if status, is := err.(apierrors.APIStatus); is && status.Status().Code < 500 || ctx.Err() != nil {
			return err
		}
		time.Sleep(between)
	}
}

func await(ctx context.Context, what string, there func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !there() {
		if ctx.Err() != nil {
			return fmt.Errorf("no sign of %s", what)
		}
		time.Sleep(between)
	}
	return nil
}

func secrets(ctx context.Context, reader client.Reader, namespace string) []string {
	var list core.SecretList
	if err := reader.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Name)
	}
	slices.Sort(names)
	return names
}

func configMaps(ctx context.Context, reader client.Reader, namespace string) []string {
	var list core.ConfigMapList
	if err := reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{"of": "owner"}); err != nil {
		return nil
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Name)
	}
	slices.Sort(names)
	return names
}

// order has the test kill the server; it is back when this returns.
func order(ctx context.Context, control, what string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, control+"/"+what, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", what, response.Status)
	}
	return nil
}
