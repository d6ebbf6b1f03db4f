package main

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

const deepest = 3

// Scripts about objects of the definition "any", made from a seed.
func random(definitions map[string]*spec.Schema, seed int64, count int) []script {
	var scripts []script
	for number := range count {
		maker := maker{rand.New(rand.NewSource(seed*1_000_000 + int64(number))), definitions}
		made := script{Of: "any"}
		for range 3 + maker.Intn(5) {
			made.Steps = append(made.Steps, maker.step())
		}
		scripts = append(scripts, made)
	}
	return scripts
}

type maker struct {
	*rand.Rand
	definitions map[string]*spec.Schema
}

func (m maker) step() step {
	who := []string{"one", "two", "three"}[m.Intn(3)]
	made := step{}
	duplicates := false
	switch m.Intn(10) {
	case 0, 1, 2:
		made.Update, duplicates = "by-"+who, true
	case 3, 4, 5:
		made.Force = who
	default:
		made.Apply = who
	}
	if m.Intn(5) == 0 {
		made.Version = "v2"
	}
	made.Object = m.object(m.definitions["any"], 0, duplicates)
	return made
}

func (m maker) value(of *spec.Schema, depth int, duplicates bool) any {
	if name := of.Ref.GetPointer().String(); name != "" {
		of = m.definitions[name[len("/definitions/"):]]
	}
	if m.Intn(25) == 0 {
		return nil
	}
	kind := ""
	if len(of.Type) > 0 {
		kind = of.Type[0]
	}
	if _, either := of.Extensions["x-kubernetes-int-or-string"]; either {
		kind = []string{"integer", "string"}[m.Intn(2)]
	}
	switch kind {
	case "object":
		return m.object(of, depth+1, duplicates)
	case "array":
		return m.list(of, depth+1, duplicates)
	case "boolean":
		return m.Intn(2) == 0
	case "integer":
		return m.Intn(3)
	case "number":
		return []any{0, 1, 1.5, 10}[m.Intn(4)]
	default:
		return []string{"a", "b", "c"}[m.Intn(3)]
	}
}

func (m maker) object(of *spec.Schema, depth int, duplicates bool) map[string]any {
	made := map[string]any{}
	for _, name := range sorted(of.Properties) {
		if m.Intn(3+2*depth) < 2 && depth <= deepest {
			property := of.Properties[name]
			made[name] = m.value(&property, depth, duplicates)
		}
	}
	_, open := of.Extensions["x-kubernetes-preserve-unknown-fields"]
	for range m.Intn(3) {
		name := []string{"a", "b", "c"}[m.Intn(3)]
		if of.AdditionalProperties != nil && of.AdditionalProperties.Schema != nil && depth <= deepest {
			made[name] = m.value(of.AdditionalProperties.Schema, depth, duplicates)
		} else if open && len(of.Properties) == 0 {
			made[name] = m.anything(depth)
		}
	}
	return made
}

func (m maker) list(of *spec.Schema, depth int, duplicates bool) []any {
	made := []any{}
	sort, _ := of.Extensions.GetString("x-kubernetes-list-type")
	keys, _ := of.Extensions.GetStringSlice("x-kubernetes-list-map-keys")
	for range m.Intn(4) {
		item := m.value(of.Items.Schema, depth, duplicates)
		if item == nil {
			continue
		}
		for _, key := range keys {
			property := of.Items.Schema.Properties[key]
			fields := item.(map[string]any)
			if fields[key] == nil {
				delete(fields, key)
			}
			if property.Default == nil && fields[key] == nil {
				fields[key] = []string{"a", "b", "c"}[m.Intn(3)]
			}
		}
		if sort == "" || sort == "atomic" || duplicates && m.Intn(2) == 0 || !m.has(made, item, of, keys) {
			made = append(made, item)
		}
	}
	return made
}

// Whether a list has the item already.
func (m maker) has(items []any, item any, of *spec.Schema, keys []string) bool {
	for _, other := range items {
		if len(keys) == 0 && same(other, item) {
			return true
		}
		alike := len(keys) > 0
		for _, key := range keys {
			get := func(from any) any {
				if value := from.(map[string]any)[key]; value != nil {
					return value
				}
				return of.Items.Schema.Properties[key].Default
			}
			alike = alike && same(get(other), get(item))
		}
		if alike {
			return true
		}
	}
	return false
}

// A value without a schema.
func (m maker) anything(depth int) any {
	switch m.Intn(5) {
	case 0:
		return m.Intn(3)
	case 1:
		return []any{m.Intn(2), "a"}
	case 2, 3:
		if depth > deepest {
			return map[string]any{}
		}
		return map[string]any{fmt.Sprint("k", m.Intn(2)): m.anything(depth + 1)}
	default:
		return "a"
	}
}

func sorted(properties map[string]spec.Schema) []string {
	return slices.Sorted(maps.Keys(properties))
}
