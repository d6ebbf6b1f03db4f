package main

import (
	"bytes"
	"encoding/json"
	"log"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// The OpenAPI documents that have the kinds.
var documents = []string{
	"api__v1", "apis__apps__v1", "apis__authentication.k8s.io__v1",
	"apis__authorization.k8s.io__v1", "apis__batch__v1", "apis__certificates.k8s.io__v1",
	"apis__coordination.k8s.io__v1", "apis__discovery.k8s.io__v1", "apis__events.k8s.io__v1",
	"apis__rbac.authorization.k8s.io__v1", "api", "apis",
}

// The kinds that are served, and those of the requests and answers about them.
var kinds = map[string][]string{
	"io.k8s.api.core.v1.": {
		"ConfigMap", "Endpoints", "Event", "Namespace", "Node", "Pod", "Secret", "Service",
		"ServiceAccount",
	},
	"io.k8s.api.apps.v1.":           {"Deployment"},
	"io.k8s.api.authentication.v1.": {"SelfSubjectReview", "TokenRequest", "TokenReview"},
	"io.k8s.api.authorization.v1.": {
		"LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview",
		"SubjectAccessReview",
	},
	"io.k8s.api.autoscaling.v1.":  {"Scale"},
	"io.k8s.api.batch.v1.":        {"Job"},
	"io.k8s.api.certificates.v1.": {"CertificateSigningRequest"},
	"io.k8s.api.coordination.v1.": {"Lease"},
	"io.k8s.api.discovery.v1.":    {"EndpointSlice"},
	"io.k8s.api.events.v1.":       {"Event"},
	"io.k8s.api.rbac.v1.":         {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.": {
		"APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "Patch",
		"Status", "WatchEvent",
	},
}

// Definitions that are what a protobuf message of their own says, not a struct
// of fields: api's users know them by name.
var opaque = []string{
	"io.k8s.apimachinery.pkg.api.resource.Quantity",
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time",
	"io.k8s.apimachinery.pkg.runtime.RawExtension",
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString",
}

// The catalogue of Kubernetes' own kinds: definitions alone, for their names
// and columns are in no document.
func core() object {
	all := openapi(filepath.Join(module(kubernetesVersion), "api/openapi-spec/v3"))
	definitions := map[string]object{}
	for prefix, names := range kinds {
		for _, name := range names {
			if list := prefix + name + "List"; all[list] != nil {
				reach(all, definitions, list)
			}
			reach(all, definitions, prefix+name)
		}
	}
	messages := protobuf(module(kubernetesAPIVersion), module(kubernetesMachineryVersion))
	goZeros := map[string]map[string]zeros{}
	for _, name := range sorted(definitions) {
		if slices.Contains(opaque, name) {
			continue
		}
		pkg := name[:strings.LastIndex(name, ".")]
		if goZeros[pkg] == nil {
			goZeros[pkg] = zerosOf(folder(pkg))
		}
		number(name, definitions[name], messages)
		sayZeros(name, definitions[name], goZeros)
	}
	return object{"definitions": definitions}
}

// Where the Go package of definitions is.
func folder(pkg string) string {
	if path, ok := strings.CutPrefix(pkg, "io.k8s.api."); ok {
		return filepath.Join(module(kubernetesAPIVersion), strings.ReplaceAll(path, ".", "/"))
	}
	path := strings.TrimPrefix(pkg, "io.k8s.apimachinery.")
	return filepath.Join(module(kubernetesMachineryVersion), strings.ReplaceAll(path, ".", "/"))
}

// Every schema of the documents, by name.
func openapi(folder string) map[string]object {
	all := map[string]object{}
	for _, name := range documents {
		var document struct {
			Components struct{ Schemas map[string]object }
		}
		path := filepath.Join(folder, name+"_openapi.json")
		if err := json.Unmarshal(file(path), &document); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		for name, from := range document.Components.Schemas {
			to := schema(from)
			if before := all[name]; before != nil {
				joinKinds(before, to)
				if !reflect.DeepEqual(before, to) {
					log.Fatalf("%s differs between documents", name)
				}
			}
			all[name] = to
		}
	}
	return all
}

// Gives both the kinds of either: the kinds that take part in watches and
// deletions are told group by group.
func joinKinds(one, other object) {
	const key = "x-kubernetes-group-version-kind"
	both, _ := one[key].([]any)
	more, _ := other[key].([]any)
	for _, kind := range more {
		if !slices.ContainsFunc(both, func(known any) bool { return reflect.DeepEqual(known, kind) }) {
			both = append(both, kind)
		}
	}
	if both != nil {
		slices.SortFunc(both, func(a, b any) int { return bytes.Compare(compact(a), compact(b)) })
		one[key], other[key] = both, both
	}
}

// Adds a definition with all it refers to.
func reach(all, reached map[string]object, name string) {
	if reached[name] != nil {
		return
	}
	found := all[name]
	if found == nil {
		log.Fatalf("no definition of %s", name)
	}
	reached[name] = found
	references(found, func(name string) { reach(all, reached, name) })
}

// Sets the protobuf numbers of a definition's properties.
func number(name string, definition object, messages map[string]message) {
	found, ok := messages["k8s.io."+strings.TrimPrefix(name, "io.k8s.")]
	if !ok {
		log.Printf("no protobuf message of %s", name)
		return
	}
	properties, _ := definition["properties"].(object)
	numbered := 0
	var enter func(message, []int)
	enter = func(in message, path []int) {
		for _, field := range in.fields {
			path := append(slices.Clone(path), field.number)
			property, ok := property(properties, field.name)
			switch {
			case ok:
				property["x-protobuf-field"] = path
				numbered++
			case messages[field.kind].fields != nil:
				// Its fields stand in the outer object in JSON.
				enter(messages[field.kind], path)
			default:
				log.Printf("%s has no property for protobuf's %s", name, field.name)
			}
		}
	}
	enter(found, nil)
	for _, key := range sorted(properties) {
		property := properties[key].(object)
		if property["x-protobuf-field"] == nil && key != "apiVersion" && key != "kind" {
			log.Printf("%s.%s has no protobuf field", name, key)
		}
	}
}

// The property that a protobuf field is: by name, or by all but its letters'
// case ("uID" is "uid").
func property(properties object, name string) (object, bool) {
	if found, ok := properties[name].(object); ok {
		return found, true
	}
	for key, value := range properties {
		if strings.EqualFold(key, name) {
			return value.(object), true
		}
	}
	return nil, false
}
