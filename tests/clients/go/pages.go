package main

import (
	"context"
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/pager"
)

// paged is what a list in pages brought.
type paged struct {
	Count     int    `json:"count"`
	Pages     int    `json:"pages"`
	Remaining int64  `json:"remaining"`
	Expired   string `json:"expired"`
	// Rest counts what comes behind the first page where the list is gone on
	// with at the latest revision.
	Rest int `json:"rest"`
}

// checkPages lists in pages; where it has a hand on the server also over the
// loss of the server's history between two pages.
func checkPages(ctx context.Context, at place) (any, error) {
	const count, size = 53, 10
	client, err := kubernetes.NewForConfig(at.config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*limit)
	defer cancel()
	secrets := client.CoreV1().Secrets(at.namespace)
	var names []string
	for number := range count {
		name := fmt.Sprintf("page-%02d", number)
		made := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"of": "pages"}}}
		if _, err := secrets.Create(ctx, made, meta.CreateOptions{}); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	first, err := secrets.List(ctx, meta.ListOptions{Limit: size})
	if err != nil {
		return nil, err
	}
	seen := paged{}
	if first.RemainingItemCount != nil {
		seen.Remaining = *first.RemainingItemCount
	}
	var got []string
	pages := pager.New(func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
		seen.Pages++
		if at.server != nil && seen.Pages == 3 {
			if err := at.server.forget(ctx); err != nil {
				return nil, err
			}
		}
		return secrets.List(ctx, options)
	})
	pages.PageSize = size
	// One after the other: no page is asked for before the last is used.
	pages.PageBufferSize = 0
	of := meta.ListOptions{LabelSelector: "of=pages"}
	err = pages.EachListItem(ctx, of, func(object runtime.Object) error {
		got = append(got, object.(*core.Secret).Name)
		return nil
	})
	if at.server != nil {
		// What has been given out cannot be taken back: this is not listed anew.
		if !apierrors.IsResourceExpired(err) {
			return nil, fmt.Errorf("want an expired list, have %v", err)
		}
		seen.Expired = err.Error()
		whole, _, err := pages.List(ctx, of)
		if err != nil {
			return nil, err
		}
		got = nil
		err = apimeta.EachListItem(whole, func(object runtime.Object) error {
			got = append(got, object.(*core.Secret).Name)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if err := seen.goOn(ctx, at, client); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if !slices.Equal(got, names) {
		return nil, fmt.Errorf("listed %v", got)
	}
	seen.Count = len(got)
	return seen, nil
}

// goOn goes on with a list behind its first page when its revision is gone.
func (seen *paged) goOn(ctx context.Context, at place, client kubernetes.Interface) error {
	secrets := client.CoreV1().Secrets(at.namespace)
	first, err := secrets.List(ctx, meta.ListOptions{LabelSelector: "of=pages", Limit: 10})
	if err != nil {
		return err
	}
	if err := at.server.forget(ctx); err != nil {
		return err
	}
	_, err = secrets.List(ctx, meta.ListOptions{LabelSelector: "of=pages", Continue: first.Continue})
	status, is := err.(apierrors.APIStatus)
	if !is || !apierrors.IsResourceExpired(err) || status.Status().Continue == "" {
		return fmt.Errorf("want an expired list with a way to go on, have %v", err)
	}
	rest, err := secrets.List(ctx, meta.ListOptions{LabelSelector: "of=pages", Continue: status.Status().Continue})
	if err != nil {
		return err
	}
	seen.Rest = len(rest.Items)
	return nil
}
