package main

import (
	"context"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"
)

// recorded are the events of one object, each as either API tells it.
type recorded struct {
	Core   []string `json:"core"`
	Events []string `json:"events"`
}

// checkEvents records events through both APIs, each more than once, until they
// are counted.
func checkEvents(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	object, err := client.CoreV1().ConfigMaps(namespace).Create(ctx,
		&core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "eventful"}}, meta.CreateOptions{})
	if err != nil {
		return nil, err
	}
	object.APIVersion, object.Kind = "v1", "ConfigMap"

	old := record.NewBroadcaster()
	defer old.Shutdown()
	old.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := old.NewRecorder(scheme.Scheme, core.EventSource{Component: "old"})
	for range 3 {
		recorder.Event(object, core.EventTypeNormal, "Old", "it happened")
	}
	recorder.AnnotatedEventf(object, map[string]string{"a": "b"}, core.EventTypeWarning, "Annotated", "%d times", 2)

	modern := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	defer modern.Shutdown()
	if err := modern.StartRecordingToSinkWithContext(ctx); err != nil {
		return nil, err
	}
	recorder2 := modern.NewRecorder(scheme.Scheme, "modern")
	find := func(reason string, done func(core.Event) bool) error {
		for ctx.Err() == nil {
			list, err := client.CoreV1().Events(namespace).List(ctx, meta.ListOptions{
				FieldSelector: "involvedObject.name=eventful,involvedObject.kind=ConfigMap,reason=" + reason})
			if err != nil {
				return err
			}
			if len(list.Items) == 1 && done(list.Items[0]) {
				return nil
			}
			time.Sleep(between)
		}
		return fmt.Errorf("no event with the reason %s as it should be", reason)
	}
	recorder2.Eventf(object, nil, core.EventTypeNormal, "Modern", "Acting", "it happened")
	if err := find("Modern", func(core.Event) bool { return true }); err != nil {
		return nil, err
	}
	// The second makes a series of it.
	recorder2.Eventf(object, nil, core.EventTypeNormal, "Modern", "Acting", "it happened")
	for reason, done := range map[string]func(core.Event) bool{
		"Old":       func(event core.Event) bool { return event.Count == 3 },
		"Annotated": func(event core.Event) bool { return event.Annotations["a"] == "b" },
		"Modern":    func(event core.Event) bool { return event.Series != nil && event.Series.Count == 2 },
	} {
		if err := find(reason, done); err != nil {
			return nil, err
		}
	}
	return told(ctx, client, namespace)
}

// told lists the events by either API, in the order of their reasons.
func told(ctx context.Context, client kubernetes.Interface, namespace string) (recorded, error) {
	seen := recorded{}
	for _, reason := range []string{"Annotated", "Modern", "Old"} {
		list, err := client.CoreV1().Events(namespace).List(ctx, meta.ListOptions{FieldSelector: "reason=" + reason})
		if err != nil {
			return seen, err
		}
		for _, event := range list.Items {
			seen.Core = append(seen.Core, fmt.Sprintf("%s %s %d %q %s %s/%s %t", event.Type, event.Reason, event.Count, event.Message,
				event.Source.Component, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Series != nil))
		}
		modern, err := client.EventsV1().Events(namespace).List(ctx, meta.ListOptions{FieldSelector: "regarding.name=eventful,reason=" + reason})
		if err != nil {
			return seen, err
		}
		for _, event := range modern.Items {
			seen.Events = append(seen.Events, fmt.Sprintf("%s %s %d %q %s %s %s/%s %t", event.Type, event.Reason, event.DeprecatedCount, event.Note,
				event.Action, event.ReportingController, event.Regarding.Kind, event.Regarding.Name, event.Series != nil))
		}
	}
	return seen, nil
}
