package main

import (
	"encoding/json"
	"math/rand"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// The kinds that are tried, by the names of their schemas.
var nativeKinds = map[string]schema.GroupVersionKind{
	"io.k8s.api.apps.v1.Deployment":  {Group: "apps", Version: "v1", Kind: "Deployment"},
	"io.k8s.api.core.v1.ConfigMap":   {Version: "v1", Kind: "ConfigMap"},
	"io.k8s.api.core.v1.Namespace":   {Version: "v1", Kind: "Namespace"},
	"io.k8s.api.core.v1.Pod":         {Version: "v1", Kind: "Pod"},
	"io.k8s.api.core.v1.Secret":      {Version: "v1", Kind: "Secret"},
	"io.k8s.api.core.v1.Service":     {Version: "v1", Kind: "Service"},
	"io.k8s.api.rbac.v1.ClusterRole": {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
}

var nativeNames = []string{
	"io.k8s.api.apps.v1.Deployment", "io.k8s.api.core.v1.ConfigMap", "io.k8s.api.core.v1.Namespace",
	"io.k8s.api.core.v1.Pod", "io.k8s.api.core.v1.Secret", "io.k8s.api.core.v1.Service",
	"io.k8s.api.rbac.v1.ClusterRole",
}

var core map[string]*spec.Schema

func coreDefinitions() map[string]*spec.Schema {
	if core == nil {
		text, err := os.ReadFile("../../../api/src/gen/core.json")
		check(err)
		catalogue := struct{ Definitions map[string]*spec.Schema }{}
		check(json.Unmarshal(text, &catalogue))
		core = catalogue.Definitions
	}
	return core
}

var converter managedfields.TypeConverter

func nativeManager(kind schema.GroupVersionKind) *managedfields.FieldManager {
	if converter == nil {
		converter = applyconfigurations.NewTypeConverter(scheme.Scheme)
	}
	reset := map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(kind.GroupVersion().String()): fieldpath.NewSet(fieldpath.MakePathOrDie("status")),
	}
	manager, err := managedfields.NewDefaultFieldManager(
		converter, scheme.Scheme, scheme.Scheme, scheme.Scheme, kind, kind.GroupVersion(), "",
		fieldpath.NewExcludeFilterSetMap(reset))
	check(err)
	return manager
}

// typed reads an object into its struct; nil if it is none.
func typed(kind schema.GroupVersionKind, object map[string]any) runtime.Object {
	text, err := json.Marshal(object)
	check(err)
	out, err := scheme.Scheme.New(kind)
	check(err)
	if json.Unmarshal(text, out) != nil {
		return nil
	}
	out.GetObjectKind().SetGroupVersionKind(kind)
	return out
}

// native makes an object that can be read into its struct.
func (g *generator) native(name string) map[string]any {
	kind := nativeKinds[name]
	for {
		g.density, g.notZero, g.shallow = 12+g.Intn(18), true, true
		of := g.definitions[name]
		fields, ok := g.value(of, 0).(map[string]any)
		if !ok {
			continue
		}
		g.keys(of, fields)
		always(fields)
		if name == "io.k8s.api.rbac.v1.ClusterRole" {
			fields["rules"] = []any{map[string]any{"verbs": []any{g.word()}}}
		}
		delete(fields, "status")
		object := &unstructured.Unstructured{Object: fields}
		delete(fields, "metadata")
		object.SetGroupVersionKind(kind)
		object.SetName("n")
		if g.chance(30) {
			object.SetLabels(map[string]string{g.word(): g.word()})
		}
		if typed(kind, object.Object) != nil {
			return object.Object
		}
	}
}

// always sets what a struct always has though its schema does not say so, and
// what the server's defaults would set.
func always(value any) {
	switch value := value.(type) {
	case map[string]any:
		if grpc, ok := value["grpc"].(map[string]any); ok && grpc["service"] == nil {
			grpc["service"] = "s"
		}
		if projected, ok := value["projected"].(map[string]any); ok && projected["sources"] == nil {
			projected["sources"] = []any{map[string]any{}}
		}
		if field, ok := value["resourceFieldRef"].(map[string]any); ok && field["divisor"] == nil {
			field["divisor"] = "1"
		}
		ports, _ := value["ports"].([]any)
		for _, port := range ports {
			fields := port.(map[string]any)
			if _, isService := fields["port"]; isService && fields["targetPort"] == nil {
				fields["targetPort"] = int64(1)
			}
		}
		for _, name := range sorted(value) {
			always(value[name])
		}
	case []any:
		for _, item := range value {
			always(item)
		}
	}
}

// keys sees that items of lists have theirs, all different.
func (g *generator) keys(of *spec.Schema, value any) {
	of = g.resolve(of)
	switch value := value.(type) {
	case map[string]any:
		for _, name := range sorted(value) {
			member := value[name]
			if s, ok := of.Properties[name]; ok {
				g.keys(&s, member)
			}
		}
	case []any:
		if of.Items == nil {
			return
		}
		for i, item := range value {
			if fields, ok := item.(map[string]any); ok {
				for _, key := range listKeys(of) {
					member := g.resolve(of.Items.Schema).Properties[key]
					switch {
					case member.Default != nil && member.Default != "" && member.Default != float64(0):
					case len(member.Type) > 0 && member.Type[0] == "integer":
						fields[key] = int64(i + 1)
					default:
						fields[key] = words[i]
					}
				}
			}
			g.keys(of.Items.Schema, item)
		}
	}
}

func (g *generator) resolve(s *spec.Schema) *spec.Schema {
	if ref := s.Ref.String(); ref != "" {
		return g.definitions[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	return s
}

func nativeCase(random *rand.Rand) any {
	g := &generator{Rand: random, definitions: coreDefinitions()}
	name := nativeNames[g.Intn(len(nativeNames))]
	kind := nativeKinds[name]
	manager := nativeManager(kind)
	names := []string{"kubectl", "one", "two"}
	live, err := scheme.Scheme.New(kind)
	check(err)
	live.GetObjectKind().SetGroupVersionKind(kind)
	steps := []step{}
	for at := range 3 + g.Intn(3) {
		s := step{Operation: "Update", Manager: names[g.Intn(len(names))]}
		if g.chance(60) {
			s.Operation, s.Force = "Apply", g.chance(60)
		}
		fields := g.native(name)
		object := &unstructured.Unstructured{Object: fields}
		if s.Operation == "Update" {
			object.SetUID("1234")
		}
		s.Object = runtime.DeepCopyJSONValue(fields)
		var result runtime.Object
		if s.Operation == "Apply" {
			result, err = manager.Apply(live.DeepCopyObject(), object, s.Manager, s.Force)
		} else {
			result, err = manager.Update(live.DeepCopyObject(), typed(kind, fields), s.Manager)
		}
		if err != nil && strings.Contains(err.Error(), "errors:\n") {
			break
		}
		if err != nil {
			s.Error, s.Causes = err.Error(), causes(err)
			steps = append(steps, s)
			continue
		}
		// As it comes back from where it is kept.
		text, err := json.Marshal(result)
		check(err)
		kept := map[string]any{}
		check(json.Unmarshal(text, &kept))
		live = typed(kind, kept)
		accessor, err := meta.Accessor(live)
		check(err)
		accessor.SetManagedFields(withTimes(accessor.GetManagedFields(), at))
		s.ManagedFields = texts(accessor.GetManagedFields())
		if s.Operation == "Apply" {
			answer := live.DeepCopyObject()
			accessor, err := meta.Accessor(answer)
			check(err)
			accessor.SetManagedFields(nil)
			s.Result = answer
		}
		steps = append(steps, s)
	}
	return steps
}
