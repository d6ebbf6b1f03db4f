package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

//go:embed widget.json
var widgetSchemas []byte

var widgetKind = schema.GroupVersionKind{Group: "test.example.com", Version: "v1", Kind: "Widget"}

// A step of a case: an object that is written, and what comes of it.
type step struct {
	Operation   string `json:"operation"`
	Manager     string `json:"manager"`
	Subresource string `json:"subresource,omitempty"`
	Force       bool   `json:"force,omitempty"`
	Object      any    `json:"object"`
	// Of the answer, with each fieldsV1 as its text.
	ManagedFields []any    `json:"managedFields,omitempty"`
	Result        any      `json:"result,omitempty"`
	Error         string   `json:"error,omitempty"`
	Causes        []string `json:"causes,omitempty"`
}

// unstructured objects stand for themselves in every version.
type identity struct{}

func (identity) Convert(in, out, context any) error { return fmt.Errorf("not used") }
func (identity) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (identity) ConvertFieldLabel(schema.GroupVersionKind, string, string) (string, string, error) {
	return "", "", fmt.Errorf("not used")
}
func (identity) Default(runtime.Object) {}
func (identity) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetGroupVersionKind(kind)
	return object, nil
}

func widgetDefinitions() map[string]*spec.Schema {
	definitions := map[string]*spec.Schema{}
	check(json.Unmarshal(widgetSchemas, &definitions))
	return definitions
}

func widgetManager(definitions map[string]*spec.Schema, subresource string) *managedfields.FieldManager {
	converter, err := managedfields.NewTypeConverter(definitions, false)
	check(err)
	reset := fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	if subresource == "status" {
		reset = fieldpath.NewSet(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec"))
	}
	manager, err := managedfields.NewDefaultCRDFieldManager(
		converter, identity{}, identity{}, identity{}, widgetKind, widgetKind.GroupVersion(), subresource,
		fieldpath.NewExcludeFilterSetMap(map[fieldpath.APIVersion]*fieldpath.Set{"test.example.com/v1": reset}))
	check(err)
	return manager
}

func widgetCase(random *rand.Rand) any {
	definitions := widgetDefinitions()
	g := &generator{Rand: random, definitions: definitions}
	managers := map[string]*managedfields.FieldManager{
		"": widgetManager(definitions, ""), "status": widgetManager(definitions, "status"),
	}
	names := []string{"kubectl", "one", "two", "three"}
	if g.chance(8) {
		for i := range 14 {
			names = append(names, fmt.Sprintf("m%d", i))
		}
	}
	var live *unstructured.Unstructured
	steps := []step{}
	for at := range len(names) + g.Intn(3) {
		s := step{Operation: "Update", Manager: names[g.Intn(len(names))]}
		if len(names) > 5 {
			s.Manager = names[at%len(names)]
		} else if g.chance(65) {
			s.Operation = "Apply"
			s.Force = g.chance(40)
		}
		if live != nil && g.chance(15) {
			s.Subresource = "status"
		}
		object := g.widget(s.Operation == "Update", live, at)
		s.Object = runtime.DeepCopyJSONValue(object.Object)
		var result runtime.Object
		var err error
		current := live
		if current == nil {
			empty, _ := identity{}.New(widgetKind)
			current = empty.(*unstructured.Unstructured)
		}
		if s.Operation == "Apply" {
			result, err = managers[s.Subresource].Apply(current.DeepCopy(), object, s.Manager, s.Force)
		} else {
			result, err = managers[s.Subresource].Update(current.DeepCopy(), object, s.Manager)
		}
		if err != nil && strings.Contains(err.Error(), "errors:\n") {
			// In no order.
			break
		}
		if err != nil {
			s.Error, s.Causes = err.Error(), causes(err)
			steps = append(steps, s)
			continue
		}
		live = result.(*unstructured.Unstructured)
		live.SetManagedFields(withTimes(live.GetManagedFields(), at))
		s.ManagedFields = texts(live.GetManagedFields())
		if s.Operation == "Apply" {
			answer := live.DeepCopy()
			answer.SetManagedFields(nil)
			s.Result = answer.Object
		}
		steps = append(steps, s)
		if g.chance(5) {
			break
		}
	}
	return steps
}

// widget makes an object to be written.
func (g *generator) widget(update bool, live *unstructured.Unstructured, at int) *unstructured.Unstructured {
	g.density, g.wrong, g.duplicates, g.nulls = 8+g.Intn(20), 0, false, g.chance(30)
	if g.chance(10) {
		g.wrong = 1
	}
	if g.chance(6) {
		g.duplicates = true
	}
	of := g.definitions["test.Widget"]
	fields := map[string]any{}
	for _, name := range []string{"spec", "status"} {
		if g.chance(map[string]int{"spec": 90, "status": 25}[name]) {
			member := of.Properties[name]
			value := g.value(&member, 0)
			g.withKeys(&member, value)
			fields[name] = value
		}
	}
	object := &unstructured.Unstructured{Object: fields}
	object.SetGroupVersionKind(widgetKind)
	object.SetName("w")
	if update {
		object.SetUID("1234")
		if g.chance(50) {
			object.SetNamespace("ns")
		}
	}
	if g.chance(30) {
		object.SetLabels(map[string]string{g.word(): g.word()})
	}
	if g.chance(15) {
		object.SetFinalizers([]string{"f/" + words[g.Intn(3)]})
	}
	if g.chance(20) {
		text, _ := json.Marshal(object.Object)
		object.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(text) + "\n"})
	}
	if !update && g.chance(2) {
		object.SetAPIVersion("test.example.com/v2")
	}
	if live != nil && update && g.chance(60) {
		// A change of what is there rather than something else.
		changed := live.DeepCopy()
		for name, value := range fields {
			if name == "spec" && g.chance(70) {
				spec, ok := changed.Object["spec"].(map[string]any)
				more, also := value.(map[string]any)
				if ok && also {
					for field, value := range more {
						spec[field] = value
					}
					continue
				}
			}
			changed.Object[name] = value
		}
		changed.SetUID("1234")
		object = changed
		switch g.Intn(8) {
		case 0:
			object.SetManagedFields([]metav1.ManagedFieldsEntry{})
			check(unstructured.SetNestedSlice(object.Object, []any{}, "metadata", "managedFields"))
		case 1:
			check(unstructured.SetNestedSlice(object.Object, []any{map[string]any{}}, "metadata", "managedFields"))
		case 2:
			check(unstructured.SetNestedSlice(object.Object, []any{map[string]any{"manager": "x", "operation": "Other"}}, "metadata", "managedFields"))
		case 3, 4:
			object.SetManagedFields(nil)
		}
	}
	return object
}

// withTimes puts a time that does not depend on the clock in place of those
// of this step.
func withTimes(entries []metav1.ManagedFieldsEntry, at int) []metav1.ManagedFieldsEntry {
	for i, entry := range entries {
		if entry.Time != nil && time.Since(entry.Time.Time) < 100*time.Hour {
			fixed := metav1.NewTime(stepTime(at))
			entries[i].Time = &fixed
		}
	}
	return entries
}

func stepTime(at int) time.Time { return time.Unix(1600000000+int64(at), 0).UTC() }

func texts(entries []metav1.ManagedFieldsEntry) []any {
	out := []any{}
	for _, entry := range entries {
		text, err := json.Marshal(entry)
		check(err)
		fields := map[string]any{}
		check(json.Unmarshal(text, &fields))
		fields["fieldsV1"] = string(entry.FieldsV1.GetRawBytes())
		out = append(out, fields)
	}
	return out
}

func causes(err error) []string {
	status, ok := err.(*errors.StatusError)
	if !ok || status.ErrStatus.Details == nil {
		return nil
	}
	out := []string{}
	for _, cause := range status.ErrStatus.Details.Causes {
		out = append(out, strings.Join([]string{string(cause.Type), cause.Field, cause.Message}, " "))
	}
	sort.Strings(out)
	return out
}
