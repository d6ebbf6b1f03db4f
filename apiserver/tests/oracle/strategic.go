package main

import (
	"math/rand"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

type strategicPatch struct {
	Definition string `json:"definition"`
	Object     any    `json:"object"`
	Patch      any    `json:"patch"`
	Result     any    `json:"result,omitempty"`
	Error      string `json:"error,omitempty"`
}

func strategicCase(random *rand.Rand) any {
	for {
		if c := tryStrategic(random); c != nil {
			return c
		}
	}
}

// tryStrategic is nil if what is wrong is found in no order.
func tryStrategic(random *rand.Rand) any {
	g := &generator{Rand: random, definitions: coreDefinitions()}
	name := nativeNames[g.Intn(len(nativeNames))]
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed(nativeKinds[name], g.native(name)))
	check(err)
	patch := g.native(name)
	g.directives(g.definitions[name], patch, object)
	c := strategicPatch{
		Definition: name,
		Object:     runtime.DeepCopyJSONValue(object),
		Patch:      runtime.DeepCopyJSONValue(patch),
	}
	kind, err := scheme.Scheme.New(nativeKinds[name])
	check(err)
	for try := range 8 {
		result, err := strategicpatch.StrategicMergeMapPatch(
			runtime.DeepCopyJSON(object), runtime.DeepCopyJSON(patch), kind)
		switch {
		case err == nil:
			c.Result = result
		case try > 0 && c.Error != err.Error():
			return nil
		default:
			c.Error = err.Error()
		}
	}
	return c
}

// directives puts some of what only a patch says into a patch of an object.
func (g *generator) directives(of *spec.Schema, patch, object map[string]any) {
	of = g.resolve(of)
	for _, name := range sorted(of.Properties) {
		member := of.Properties[name]
		switch value := patch[name].(type) {
		case map[string]any:
			below, _ := object[name].(map[string]any)
			g.directives(&member, value, below)
		case []any:
			g.listDirectives(name, &member, value, patch, object)
		}
	}
	names := []any{}
	for _, name := range sorted(patch) {
		names = append(names, name)
	}
	for _, name := range sorted(object) {
		if g.chance(2) {
			patch[name] = nil
		}
	}
	switch g.Intn(60) {
	case 0:
		patch["$patch"] = "replace"
	case 1:
		patch["$patch"] = "delete"
	case 2:
		patch["$retainKeys"] = append(names, "name", "kind")
	case 3:
		patch["$retainKeys"] = []any{"name"}
	}
}

func (g *generator) listDirectives(name string, of *spec.Schema, items []any, patch, object map[string]any) {
	key, _ := of.Extensions.GetString("x-kubernetes-patch-merge-key")
	old, _ := object[name].([]any)
	order := []any{}
	for _, item := range items {
		if fields, ok := item.(map[string]any); ok {
			if key == "" {
				return
			}
			order = append(order, map[string]any{key: fields[key]})
			if g.chance(15) {
				clear(fields)
				fields["$patch"] = "delete"
				fields[key] = order[len(order)-1].(map[string]any)[key]
			} else {
				g.directives(of.Items.Schema, fields, nil)
			}
		} else {
			order = append(order, item)
		}
	}
	strategy, _ := of.Extensions.GetString("x-kubernetes-patch-strategy")
	if strategy == "" {
		return
	}
	for _, item := range old {
		if fields, ok := item.(map[string]any); ok && g.chance(50) {
			order = append(order, map[string]any{key: fields[key]})
		} else if !ok && key == "" && g.chance(50) {
			order = append(order, item)
		}
	}
	if g.chance(40) {
		if g.chance(20) {
			g.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		patch["$setElementOrder/"+name] = order
		if g.chance(20) {
			delete(patch, name)
		}
	}
	if key == "" && g.chance(40) && len(old) > 0 {
		patch["$deleteFromPrimitiveList/"+name] = []any{old[g.Intn(len(old))]}
		if g.chance(50) {
			delete(patch, name)
		}
	}
}
