package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// observed is what an informer told its handler.
type observed struct {
	Adds    int `json:"adds"`
	Updates int `json:"updates"`
	Deletes int `json:"deletes"`
	// Repeats are updates of an object to itself, which follow a new list.
	Repeats int `json:"repeats"`
	// Missed are deletions that it learnt of from a new list.
	Missed int `json:"missed"`
}

// observer is an informer and its handler, which knows what it was told.
type observer struct {
	store cache.Store
	// selected is whether the informer is of an object.
	selected func(core.ConfigMap) bool

	lock  sync.Mutex
	known map[string]string
	seen  observed
	wrong []string
}

// startObservers starts one informer of each kind and waits for their first
// states.
func startObservers(ctx context.Context, config *rest.Config, namespace string) (map[string]*observer, error) {
	const selector = "half=yes"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	partial, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	narrow := func(options *meta.ListOptions) { options.LabelSelector = selector }
	typed := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	chosen := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(narrow))
	all := map[string]*observer{}
	for name, informer := range map[string]cache.SharedIndexInformer{
		"typed":    typed.Core().V1().ConfigMaps().Informer(),
		"selected": chosen.Core().V1().ConfigMaps().Informer(),
		"dynamic":  dynamicinformer.NewFilteredDynamicInformer(untyped, resource, namespace, 0, cache.Indexers{}, nil).Informer(),
		"metadata": metadatainformer.NewFilteredMetadataInformer(partial, resource, namespace, 0, cache.Indexers{}, nil).Informer(),
	} {
		observer := &observer{store: informer.GetStore(), known: map[string]string{}}
		observer.selected = func(object core.ConfigMap) bool { return name != "selected" || object.Labels["half"] == "yes" }
		handler, err := informer.AddEventHandler(observer)
		if err != nil {
			return nil, err
		}
		go informer.Run(ctx.Done())
		if !cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
			return nil, fmt.Errorf("the %s informer has not synced", name)
		}
		all[name] = observer
	}
	return all, nil
}

func (o *observer) OnAdd(object any, _ bool) {
	o.note(func() {
		name, version := of(object)
		if _, known := o.known[name]; known {
			o.wrong = append(o.wrong, name+" was added twice")
		}
		o.known[name] = version
		o.seen.Adds++
	})
}

func (o *observer) OnUpdate(_, object any) {
	o.note(func() {
		name, version := of(object)
		before, known := o.known[name]
		switch {
		case !known:
			o.wrong = append(o.wrong, name+" was updated before it was added")
		case before == version:
			o.seen.Repeats++
		case newer(before, version):
			o.wrong = append(o.wrong, fmt.Sprintf("%s went back from %s to %s", name, before, version))
		}
		o.known[name] = version
		o.seen.Updates++
	})
}

func (o *observer) OnDelete(object any) {
	o.note(func() {
		if gone, missed := object.(cache.DeletedFinalStateUnknown); missed {
			object = gone.Obj
			o.seen.Missed++
		}
		name, _ := of(object)
		if _, known := o.known[name]; !known {
			o.wrong = append(o.wrong, name+" was deleted before it was added")
		}
		delete(o.known, name)
		o.seen.Deletes++
	})
}

func (o *observer) note(how func()) {
	o.lock.Lock()
	defer o.lock.Unlock()
	how()
}

func of(object any) (name, version string) {
	accessor, err := apimeta.Accessor(object)
	if err != nil {
		panic(err)
	}
	return accessor.GetName(), accessor.GetResourceVersion()
}

// newer is whether one version is newer than another.
func newer(one, other string) bool {
	a, _ := strconv.ParseUint(one, 10, 64)
	b, _ := strconv.ParseUint(other, 10, 64)
	return a > b
}

// judge waits until the handler knows what there is, and nothing else, and
// tells what was wrong on the way.
func (o *observer) judge(ctx context.Context, items []core.ConfigMap) (observed, error) {
	there := map[string]string{}
	for _, item := range items {
		if o.selected(item) {
			there[item.Name] = item.ResourceVersion
		}
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		cached := map[string]string{}
		for _, object := range o.store.List() {
			name, version := of(object)
			cached[name] = version
		}
		o.lock.Lock()
		seen, wrong := o.seen, slices.Clone(o.wrong)
		differences := append(differ("the handler", there, o.known), differ("the cache", there, cached)...)
		o.lock.Unlock()
		switch {
		case wrong != nil:
			return seen, errors.New(strings.Join(wrong, "; "))
		case differences == nil:
			return seen, nil
		case wait.Err() != nil:
			return seen, errors.New(strings.Join(differences, "; "))
		}
		time.Sleep(between)
	}
}

func differ(who string, there, known map[string]string) []string {
	var differences []string
	for _, name := range sorted(there) {
		if known[name] != there[name] {
			differences = append(differences, fmt.Sprintf("%s has %s at %q, not %q", who, name, known[name], there[name]))
		}
	}
	for _, name := range sorted(known) {
		if _, is := there[name]; !is {
			differences = append(differences, fmt.Sprintf("%s has %s, which is gone", who, name))
		}
	}
	return differences
}
