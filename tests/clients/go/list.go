package main

import (
	"context"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// listed is what one unpaged list brought.
type listed struct {
	Count int `json:"count"`
	// Bytes is the size of all values together, keys not counted.
	Bytes        int   `json:"bytes"`
	Milliseconds int64 `json:"milliseconds"`
}

// checkList gets all ConfigMaps of the namespace in one response. The limit is
// on the whole of it, which is long enough for tens of megabytes.
func checkList(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begun := now()
	list, err := client.CoreV1().ConfigMaps(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	seen := listed{Count: len(list.Items), Milliseconds: since(begun)}
	for _, item := range list.Items {
		for _, value := range item.Data {
			seen.Bytes += len(value)
		}
		for _, value := range item.BinaryData {
			seen.Bytes += len(value)
		}
	}
	return seen, nil
}
