package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/features"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// stormed is what came of a storm.
type stormed struct {
	// Writes counts those that were acknowledged.
	Writes   int                 `json:"writes"`
	Objects  int                 `json:"objects"`
	Observed map[string]observed `json:"observed"`
	// Lists and WatchLists count the requests by which informers got a state.
	Lists      int64 `json:"lists"`
	WatchLists int64 `json:"watchLists"`
}

const (
	crashes = 3
	// each is how many writes are acknowledged between two crashes, at least.
	each = 150
	// between is how long one waits before looking again.
	between = 20 * time.Millisecond
)

// checkStorm has objects written, changed and deleted by several writers while
// the server crashes and at last forgets its history. Informers of each kind
// look on, and a watch that goes on by itself.
//
// What was acknowledged is there at the end; the watch tells of each
// acknowledged write once and in order; an informer never tells of a thing
// twice nor of an older after a newer, and ends with what there is.
func checkStorm(ctx context.Context, at place, watchList bool) (any, error) {
	if at.server == nil {
		return nil, fmt.Errorf("a storm needs --control")
	}
	features.ReplaceFeatureGates(gates{features.FeatureGates(), watchList})
	ctx, cancel := context.WithTimeout(ctx, 6*limit)
	defer cancel()
	requests := &requests{}
	looking := rest.CopyConfig(at.config)
	looking.Wrap(requests.count)
	client, err := kubernetes.NewForConfig(at.config)
	if err != nil {
		return nil, err
	}
	maps := client.CoreV1().ConfigMaps(at.namespace)
	// The server has one like `late` made while it is away, and this one taken.
	for _, name := range []string{"stays", "gone"} {
		made := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"half": "yes"}}}
		if _, err := maps.Create(ctx, made, meta.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	informed, err := startObservers(ctx, looking, at.namespace)
	if err != nil {
		return nil, err
	}
	follower, err := follow(ctx, client, at.namespace)
	if err != nil {
		return nil, err
	}
	writers := startWriters(ctx, maps)
	err = crashAll(ctx, at, writers, follower)
	if failed := writers.stop(); err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	seen := stormed{Writes: writers.count(), Observed: map[string]observed{}}
	list, err := maps.List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	seen.Objects = len(list.Items)
	if err := writers.judge(list.Items); err != nil {
		return nil, err
	}
	for name, informer := range informed {
		if seen.Observed[name], err = informer.judge(ctx, list.Items); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	seen.Lists, seen.WatchLists = requests.lists.Load(), requests.watchLists.Load()
	return seen, nil
}

// crashAll has the server crash, between writes, and forget at last.
func crashAll(ctx context.Context, at place, writers *writers, follower *follower) error {
	for round := range crashes {
		if err := writers.more(ctx, each); err != nil {
			return fmt.Errorf("before crash %d: %w", round, err)
		}
		if err := at.server.crash(ctx); err != nil {
			return err
		}
	}
	if err := writers.more(ctx, each); err != nil {
		return err
	}
	if err := follower.saw(ctx, writers.acknowledged()); err != nil {
		return err
	}
	if err := at.server.forget(ctx); err != nil {
		return err
	}
	if err := writers.more(ctx, each); err != nil {
		return err
	}
	return follower.ended(ctx)
}

// index is the objects by their names.
func index(items []core.ConfigMap) map[string]core.ConfigMap {
	all := map[string]core.ConfigMap{}
	for _, item := range items {
		all[item.Name] = item
	}
	return all
}

// passing is an error that a writer meets in a storm: the server is away, and
// nobody knows whether it had heard.
func passing(err error) bool {
	status, is := err.(apierrors.APIStatus)
	return !is || status.Status().Code >= 500 || status.Status().Code == 429
}

func sorted[V any](all map[string]V) []string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
