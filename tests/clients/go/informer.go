package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/features"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// informed is what an informer did and saw.
type informed struct {
	Events []string `json:"events"`
	// Lists and WatchLists count the requests by which it got its first state:
	// a plain list, or a watch that begins with one.
	Lists        int64 `json:"lists"`
	WatchLists   int64 `json:"watchLists"`
	Milliseconds int64 `json:"milliseconds"`
}

// checkInformer starts an informer and sees a ConfigMap that was there before,
// and another being added, updated and deleted, in this order.
func checkInformer(ctx context.Context, config *rest.Config, namespace string, watchList bool) (any, error) {
	features.ReplaceFeatureGates(gates{features.FeatureGates(), watchList})
	requests := &requests{}
	config = rest.CopyConfig(config)
	config.Wrap(requests.count)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()

	begun := now()
	maps := client.CoreV1().ConfigMaps(namespace)
	early, late := configMap("early"), configMap("late")
	defer remove(client, namespace, early.Name, late.Name)
	if _, err := maps.Create(ctx, early, meta.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create %s: %w", early.Name, err)
	}

	events := make(chan string, 16)
	if err := watch(ctx, client, namespace, map[string]string{early.Name: "early", late.Name: "late"}, events); err != nil {
		return nil, err
	}
	seen := informed{}
	expect := func(event string) error {
		select {
		case got := <-events:
			seen.Events = append(seen.Events, got)
			if got != event {
				return fmt.Errorf("saw %q where %q was due, after %q", got, event, seen.Events)
			}
			return nil
		case <-time.After(limit):
			return fmt.Errorf("did not see %q within %s, after %q", event, limit, seen.Events)
		}
	}
	steps := []struct {
		event string
		do    func() error
	}{
		{"add early", func() error { return nil }},
		{"add late", func() error { _, err := maps.Create(ctx, late, meta.CreateOptions{}); return err }},
		{"update late", func() error {
			late.Data["value"] = "second"
			_, err := maps.Update(ctx, late, meta.UpdateOptions{})
			return err
		}},
		{"delete late", func() error { return maps.Delete(ctx, late.Name, meta.DeleteOptions{}) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("make %q: %w", step.event, err)
		}
		if err := expect(step.event); err != nil {
			return nil, err
		}
	}
	seen.Lists, seen.WatchLists, seen.Milliseconds = requests.lists.Load(), requests.watchLists.Load(), since(begun)
	if (seen.WatchLists > 0) != watchList || (seen.Lists > 0) == watchList {
		return nil, fmt.Errorf("with WatchList %t it made %d lists and %d watch-lists", watchList, seen.Lists, seen.WatchLists)
	}
	return seen, nil
}

// watch runs an informer until ctx ends and reports the events of the named
// ConfigMaps; it returns when the informer has its first state.
func watch(ctx context.Context, client kubernetes.Interface, namespace string, names map[string]string, events chan<- string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps().Informer()
	report := func(event string, object any) {
		if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		if name, mine := names[object.(*core.ConfigMap).Name]; mine {
			select {
			case events <- event + " " + name:
			case <-ctx.Done():
			}
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { report("add", object) },
		UpdateFunc: func(_, object any) { report("update", object) },
		DeleteFunc: func(object any) { report("delete", object) },
	}
	if _, err := informer.AddEventHandler(handler); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if !cache.WaitForCacheSync(wait.Done(), informer.HasSynced) {
		return fmt.Errorf("the informer has not synced within %s", limit)
	}
	return nil
}

// gates are client-go's own but for WatchList.
type gates struct {
	features.Gates
	watchList bool
}

func (g gates) Enabled(feature features.Feature) bool {
	if feature == features.WatchListClient {
		return g.watchList
	}
	return g.Gates.Enabled(feature)
}

// requests counts the two ways of getting a first state.
type requests struct {
	lists, watchLists atomic.Int64
}

func (r *requests) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		query := request.URL.Query()
		switch {
		case request.Method != http.MethodGet:
		case query.Get("sendInitialEvents") == "true":
			r.watchLists.Add(1)
		case !query.Has("watch"):
			r.lists.Add(1)
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func configMap(name string) *core.ConfigMap {
	return &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Name: "adit-client-go-" + name + "-" + rand.String(5)},
		Data:       map[string]string{"value": "first"},
	}
}

// remove tidies up, also after a failure; what is gone already is fine.
func remove(client kubernetes.Interface, namespace string, names ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, name := range names {
		client.CoreV1().ConfigMaps(namespace).Delete(ctx, name, meta.DeleteOptions{})
	}
}

func now() time.Time { return time.Now() }

func since(begun time.Time) int64 { return time.Since(begun).Milliseconds() }
