package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	apimeta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/disk"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// discovered is what discovery told, in each way.
type discovered struct {
	Mappings  []string `json:"mappings"`
	Unknown   string   `json:"unknown"`
	Shortcuts []string `json:"shortcuts"`
	Preferred []string `json:"preferred"`
	Legacy    []string `json:"legacy"`
	OpenAPI   []string `json:"openAPI"`
	// Cached counts the requests for what a client on disk knows already.
	Cached int64 `json:"cached"`
}

// kinds are those that are looked for.
var kinds = []schema.GroupVersionKind{
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "Event"},
	{Version: "v1", Kind: "Namespace"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "authentication.k8s.io", Version: "v1", Kind: "TokenReview"},
	{Group: "authorization.k8s.io", Version: "v1", Kind: "SubjectAccessReview"},
	{Group: "certificates.k8s.io", Version: "v1", Kind: "CertificateSigningRequest"},
	{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"},
	{Group: "events.k8s.io", Version: "v1", Kind: "Event"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
}

// checkDiscovery asks what is served in each way that clients do.
func checkDiscovery(_ context.Context, config *rest.Config, _ string) (any, error) {
	seen := discovered{}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	for _, kind := range kinds {
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return nil, fmt.Errorf("mapping of %s: %w", kind, err)
		}
		seen.Mappings = append(seen.Mappings, fmt.Sprintf("%s %s", mapping.Resource, mapping.Scope.Name()))
	}
	_, err = mapper.RESTMapping(schema.GroupKind{Group: "example.com", Kind: "Nothing"})
	if !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("want no match, have %v", err)
	}
	seen.Unknown = err.Error()
	short := restmapper.NewShortcutExpander(mapper, client, nil)
	for _, name := range []string{"cm", "deploy", "ns", "sa", "csr"} {
		kind, err := short.KindFor(schema.GroupVersionResource{Resource: name})
		if err != nil {
			return nil, fmt.Errorf("short name %s: %w", name, err)
		}
		seen.Shortcuts = append(seen.Shortcuts, kind.String())
	}
	if seen.Preferred, err = resources(client.ServerPreferredResources); err != nil {
		return nil, err
	}
	legacy := func() ([]*apimeta.APIResourceList, error) {
		_, lists, err := client.WithLegacy().ServerGroupsAndResources()
		return lists, err
	}
	if seen.Legacy, err = resources(legacy); err != nil {
		return nil, err
	}
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"api/v1", "apis/apps/v1", "apis/coordination.k8s.io/v1"} {
		document, known := paths[name]
		if !known {
			return nil, fmt.Errorf("OpenAPI does not tell of %s", name)
		}
		if _, err := document.Schema("application/json"); err != nil {
			return nil, fmt.Errorf("OpenAPI of %s: %w", name, err)
		}
		seen.OpenAPI = append(seen.OpenAPI, name)
	}
	seen.Cached, err = onDisk(config)
	return seen, err
}

// resources are those of the kinds looked for, and their subresources.
func resources(tell func() ([]*apimeta.APIResourceList, error)) ([]string, error) {
	lists, err := tell()
	if err != nil {
		return nil, err
	}
	var told []string
	for _, list := range lists {
		for _, resource := range list.APIResources {
			version, err := schema.ParseGroupVersion(list.GroupVersion)
			if err != nil {
				return nil, err
			}
			if slices.Contains(kinds, version.WithKind(resource.Kind)) {
				told = append(told, fmt.Sprintf("%s %s %t %s %s", list.GroupVersion, resource.Name,
					resource.Namespaced, strings.Join(resource.Verbs, ","), strings.Join(resource.ShortNames, ",")))
			}
		}
	}
	slices.Sort(told)
	return told, nil
}

// onDisk asks twice by clients that share a cache on disk, and counts the
// requests of the second.
func onDisk(config *rest.Config) (int64, error) {
	folder, err := os.MkdirTemp("", "adit-client-go-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	var requests int64
	for range 2 {
		var count atomic.Int64
		counting := rest.CopyConfig(config)
		counting.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				count.Add(1)
				return next.RoundTrip(request)
			})
		})
		client, err := disk.NewCachedDiscoveryClientForConfig(counting, folder+"/discovery", folder+"/http", time.Hour)
		if err != nil {
			return 0, err
		}
		if _, _, err := client.ServerGroupsAndResources(); err != nil {
			return 0, err
		}
		requests = count.Load()
	}
	return requests, nil
}
