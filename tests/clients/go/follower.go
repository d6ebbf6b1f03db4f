package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
)

// follower is a watch that goes on where it was when the server comes back. It
// is told of each change; nothing is put together on the way.
type follower struct {
	lock sync.Mutex
	seen map[string]bool
	last string
	// failure is what was wrong, or why it ended.
	failure error
	done    chan struct{}
}

// follow starts one.
func follow(ctx context.Context, client kubernetes.Interface, namespace string) (*follower, error) {
	maps := client.CoreV1().ConfigMaps(namespace)
	list, err := maps.List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	watch, err := toolswatch.NewRetryWatcherWithContext(ctx, list.ResourceVersion, cache.ToWatcherWithContext(&cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (apiwatch.Interface, error) {
			return maps.Watch(ctx, options)
		},
	}))
	if err != nil {
		return nil, err
	}
	follower := &follower{seen: map[string]bool{}, last: list.ResourceVersion, done: make(chan struct{})}
	there := map[string]bool{}
	for _, item := range list.Items {
		there[item.Name] = true
	}
	go func() {
		defer close(follower.done)
		for event := range watch.ResultChan() {
			if err := follower.take(event, there); err != nil {
				follower.lock.Lock()
				follower.failure = err
				follower.lock.Unlock()
				return
			}
		}
	}()
	return follower, nil
}

// take takes one event, which must follow from those before.
func (f *follower) take(event apiwatch.Event, there map[string]bool) error {
	switch event.Type {
	case apiwatch.Error:
		return apierrors.FromObject(event.Object)
	case apiwatch.Bookmark:
		return nil
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	name, version := of(event.Object)
	if !newer(version, f.last) {
		return fmt.Errorf("%s %s at %s came behind %s", event.Type, name, version, f.last)
	}
	if (event.Type == apiwatch.Added) == there[name] {
		return fmt.Errorf("%s %s at %s, but it was there: %t", event.Type, name, version, there[name])
	}
	there[name] = event.Type != apiwatch.Deleted
	f.seen[version], f.last = true, version
	return nil
}

// saw waits until it has been told of all these.
func (f *follower) saw(ctx context.Context, revisions []string) error {
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		f.lock.Lock()
		var missing []string
		for _, revision := range revisions {
			if !f.seen[revision] {
				missing = append(missing, revision)
			}
		}
		failure, last := f.failure, f.last
		f.lock.Unlock()
		switch {
		case failure != nil:
			return fmt.Errorf("the watch: %w", failure)
		case missing == nil:
			return nil
		case wait.Err() != nil:
			return fmt.Errorf("the watch is at %s and has not told of %v", last, missing)
		}
		time.Sleep(between)
	}
}

// ended waits until it is told that what it wants to go on from is gone.
func (f *follower) ended(ctx context.Context) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		return fmt.Errorf("the watch goes on, though its history is gone")
	}
	if !apierrors.IsResourceExpired(f.failure) && !apierrors.IsGone(f.failure) {
		return fmt.Errorf("the watch ended otherwise: %w", f.failure)
	}
	return nil
}
