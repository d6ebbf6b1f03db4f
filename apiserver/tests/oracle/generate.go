package main

import (
	"encoding/json"
	"maps"
	"math/rand"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// generator makes values of a schema from small pools, so that they often
// meet. At most one value of an object is not of the schema.
type generator struct {
	*rand.Rand
	definitions map[string]*spec.Schema
	// How likely a declared field is there, of 100.
	density int
	// How many wrong values may yet be made.
	wrong int
	// Whether items of lists may be there twice.
	duplicates bool
	// Whether values may be null.
	nulls bool
	// Whether numbers are not 0, booleans true and lists not empty: of those
	// that are, a struct does not tell whether somebody set them.
	notZero bool
	// Whether what is deep is rarer.
	shallow bool
}

var words = []string{"a", "b", "c", "web", "x<y>&z", "ü\"q\""}

func (g *generator) chance(percent int) bool { return g.Intn(100) < percent }

func (g *generator) word() string { return words[g.Intn(len(words))] }

func (g *generator) value(s *spec.Schema, depth int) any {
	if g.wrong > 0 && g.chance(2) {
		g.wrong--
		return []any{int64(7), "wrong", true, []any{"wrong"}, map[string]any{"wrong": "x"}}[g.Intn(5)]
	}
	if g.nulls && g.chance(3) {
		return nil
	}
	ref := s.Ref.String()
	if len(s.AllOf) == 1 {
		ref = s.AllOf[0].Ref.String()
	}
	if ref != "" {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		switch name {
		case "io.k8s.apimachinery.pkg.api.resource.Quantity":
			if g.notZero {
				return []any{"1", "500m"}[g.Intn(2)]
			}
			return []any{"1", int64(1), "500m"}[g.Intn(3)]
		case "io.k8s.apimachinery.pkg.runtime.RawExtension":
			return g.free(2)
		}
		return g.value(g.definitions[name], depth)
	}
	kind := ""
	if len(s.Type) > 0 {
		kind = s.Type[0]
	}
	switch kind {
	case "integer":
		if g.notZero {
			return int64(1 + g.Intn(3))
		}
		return int64(g.Intn(4))
	case "number":
		return []any{int64(80), int64(443), int64(8080), 0.5, 1e21, 1e-7}[g.Intn(6)]
	case "boolean":
		return g.notZero || g.chance(50)
	case "string":
		if s.Format == "byte" {
			return []any{"YQ==", "Yg=="}[g.Intn(2)]
		}
		if s.Format == "date-time" {
			return []any{"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"}[g.Intn(2)]
		}
		return g.word()
	case "array":
		return g.list(s, depth)
	case "object":
		return g.object(s, depth)
	}
	if isIntOrString, _ := s.Extensions.GetBool("x-kubernetes-int-or-string"); isIntOrString {
		return []any{int64(1), "50%"}[g.Intn(2)]
	}
	if s.Format == "int-or-string" {
		return []any{int64(1), "50%"}[g.Intn(2)]
	}
	return g.free(2)
}

func (g *generator) free(depth int) any {
	switch g.Intn(6) {
	case 0:
		return g.word()
	case 1:
		return int64(g.Intn(3))
	case 2:
		if depth > 0 {
			return []any{g.free(depth - 1), g.word()}
		}
		return []any{}
	default:
		out := map[string]any{}
		if depth > 0 {
			for range g.Intn(4) {
				out[g.word()] = g.free(depth - 1)
			}
		}
		return out
	}
}

func (g *generator) list(s *spec.Schema, depth int) any {
	out := []any{}
	seen := map[string]bool{}
	count := g.Intn(4)
	if g.notZero && count == 0 {
		count = 1
	}
	for range count {
		item := g.value(s.Items.Schema, depth+1)
		if !g.duplicates {
			key := item
			if fields, ok := item.(map[string]any); ok {
				keys := map[string]any{}
				for _, name := range listKeys(s) {
					if value, ok := fields[name]; ok {
						keys[name] = value
					} else {
						keys[name] = s.Items.Schema.Properties[name].Default
					}
				}
				key = keys
			}
			text, _ := json.Marshal(key)
			if seen[string(text)] {
				continue
			}
			seen[string(text)] = true
		}
		out = append(out, item)
	}
	return out
}

func sorted[V any](fields map[string]V) []string {
	return slices.Sorted(maps.Keys(fields))
}

func listKeys(s *spec.Schema) []string {
	keys, _ := s.Extensions.GetStringSlice("x-kubernetes-list-map-keys")
	if key, ok := s.Extensions.GetString("x-kubernetes-patch-merge-key"); ok {
		keys = append(keys, key)
	}
	return keys
}

func (g *generator) object(s *spec.Schema, depth int) any {
	out := map[string]any{}
	for _, name := range sorted(s.Properties) {
		density := g.density
		if g.shallow && depth < 2 {
			density = 60
		} else if g.shallow {
			density = density * 3 / (depth + 1)
		}
		if g.chance(density) {
			member := s.Properties[name]
			out[name] = g.value(&member, depth+1)
		}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		for range g.Intn(4) {
			out[g.word()] = g.value(s.AdditionalProperties.Schema, depth+1)
		}
	} else if keep, _ := s.Extensions.GetBool("x-kubernetes-preserve-unknown-fields"); keep || len(s.Properties) == 0 {
		for range g.Intn(3) {
			out[g.word()] = g.free(2)
		}
	} else if g.wrong > 0 && g.chance(2) {
		g.wrong--
		out["undeclared"] = "x"
	}
	return out
}

// items' keys are always there, but for those with defaults.
func (g *generator) withKeys(s *spec.Schema, value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		return
	}
	for _, name := range sorted(s.Properties) {
		member := s.Properties[name]
		if len(member.AllOf) == 1 || member.Ref.String() != "" {
			continue
		}
		items, ok := fields[name].([]any)
		ok = ok && member.Items != nil
		if !ok {
			g.withKeys(&member, fields[name])
			continue
		}
		for i, item := range items {
			entry, ok := item.(map[string]any)
			if !ok {
				continue
			}
			for _, key := range listKeys(&member) {
				if _, there := entry[key]; !there {
					of := member.Items.Schema.Properties[key]
					if of.Default == nil {
						if of.Type[0] == "integer" {
							entry[key] = int64(i)
						} else {
							entry[key] = words[i]
						}
					}
				}
			}
			g.withKeys(member.Items.Schema, entry)
		}
	}
}
