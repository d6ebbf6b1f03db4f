package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// did is what the dynamic client did and saw.
type did struct {
	Steps        []string `json:"steps"`
	Events       []string `json:"events"`
	Milliseconds int64    `json:"milliseconds"`
}

// checkDynamic creates, lists, watches, patches and deletes a ConfigMap without
// its Go type, and sees each change in the watch.
func checkDynamic(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	maps := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)

	begun, seen := now(), did{}
	made, err := create(ctx, maps)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	name := made.GetName()
	defer maps.Delete(context.WithoutCancel(ctx), name, meta.DeleteOptions{})
	only := meta.ListOptions{FieldSelector: "metadata.name=" + name}

	list, err := maps.List(ctx, only)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if len(list.Items) != 1 {
		return nil, fmt.Errorf("list: %d ConfigMaps are named %s", len(list.Items), name)
	}
	only.ResourceVersion = list.GetResourceVersion()
	watch, err := maps.Watch(ctx, only)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	defer watch.Stop()

	if err := patch(ctx, maps, name); err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	if err := maps.Delete(ctx, name, meta.DeleteOptions{}); err != nil {
		return nil, fmt.Errorf("delete: %w", err)
	}
	if _, err := maps.Get(ctx, name, meta.GetOptions{}); !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("get after delete: want a NotFound, have %v", err)
	}
	for _, due := range []apiwatch.EventType{apiwatch.Modified, apiwatch.Deleted} {
		if err := next(watch, due); err != nil {
			return nil, err
		}
		seen.Events = append(seen.Events, string(due))
	}
	seen.Steps = []string{"create", "list", "watch", "patch", "delete"}
	seen.Milliseconds = since(begun)
	return seen, nil
}

func create(ctx context.Context, maps dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configMap("dynamic"))
	if err != nil {
		return nil, err
	}
	made := &unstructured.Unstructured{Object: object}
	made.SetAPIVersion("v1")
	made.SetKind("ConfigMap")
	return maps.Create(ctx, made, meta.CreateOptions{})
}

func patch(ctx context.Context, maps dynamic.ResourceInterface, name string) error {
	body, err := json.Marshal(map[string]any{"data": map[string]string{"value": "patched"}})
	if err != nil {
		return err
	}
	patched, err := maps.Patch(ctx, name, types.MergePatchType, body, meta.PatchOptions{})
	if err != nil {
		return err
	}
	if value, _, _ := unstructured.NestedString(patched.Object, "data", "value"); value != "patched" {
		return fmt.Errorf("its answer has the value %q", value)
	}
	return nil
}

// next takes one event off the watch, which must be of the kind that is due.
func next(watch apiwatch.Interface, due apiwatch.EventType) error {
	select {
	case event, open := <-watch.ResultChan():
		if !open {
			return fmt.Errorf("the watch ended where %s was due", due)
		}
		if event.Type != due {
			return fmt.Errorf("the watch has %s where %s was due: %v", event.Type, due, event.Object)
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("the watch has no %s after %s", due, limit)
	}
}
