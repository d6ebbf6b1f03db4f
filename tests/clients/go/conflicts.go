package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

// counted is what several writers made of one number.
type counted struct {
	Count string `json:"count"`
	// Refusal is what a writer is told that comes too late.
	Refusal string `json:"refusal"`
}

// checkConflicts has several writers count up one value, each by reading it and
// writing it back, and again where another was faster.
func checkConflicts(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	const writers, times = 6, 10
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	maps := client.CoreV1().ConfigMaps(namespace)
	counter := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "counter"}, Data: map[string]string{"count": "0"}}
	stale, err := maps.Create(ctx, counter, meta.CreateOptions{})
	if err != nil {
		return nil, err
	}
	again := retry.DefaultRetry
	again.Steps = 1000
	failures := make(chan error, writers)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range times {
				err := retry.RetryOnConflict(again, func() error {
					counter, err := maps.Get(ctx, "counter", meta.GetOptions{})
					if err != nil {
						return err
					}
					count, err := strconv.Atoi(counter.Data["count"])
					if err != nil {
						return err
					}
					counter.Data["count"] = strconv.Itoa(count + 1)
					_, err = maps.Update(ctx, counter, meta.UpdateOptions{})
					return err
				})
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failures)
	for err := range failures {
		return nil, err
	}
	stale.Data["count"] = "-1"
	_, err = maps.Update(ctx, stale, meta.UpdateOptions{})
	if !apierrors.IsConflict(err) {
		return nil, fmt.Errorf("want a conflict, have %v", err)
	}
	last, lost := maps.Get(ctx, "counter", meta.GetOptions{})
	if lost != nil {
		return nil, lost
	}
	return counted{Count: last.Data["count"], Refusal: err.Error()}, nil
}
