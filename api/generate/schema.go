package main

import (
	"log"
	"maps"
	"slices"
	"strings"
)

func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// What is kept of a schema, in the words of api::Schema. Anything else that is
// met is an error, so that nothing is lost unseen.
var kept = map[string]bool{
	"$ref": true, "type": true, "format": true, "default": true, "nullable": true, "enum": true,
	"required": true, "minimum": true, "exclusiveMinimum": true, "maximum": true,
	"exclusiveMaximum": true, "multipleOf": true, "minLength": true, "maxLength": true,
	"pattern": true, "minItems": true, "maxItems": true, "minProperties": true,
	"maxProperties": true, "x-kubernetes-list-type": true, "x-kubernetes-list-map-keys": true,
	"x-kubernetes-map-type": true, "x-kubernetes-patch-strategy": true,
	"x-kubernetes-patch-merge-key": true, "x-kubernetes-int-or-string": true,
	"x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-embedded-resource": true,
	"x-kubernetes-validations": true, "x-kubernetes-group-version-kind": true,
}

var dropped = map[string]bool{
	"description": true, "title": true, "example": true, "externalDocs": true, "uniqueItems": true,
	// Says which of several fields is set; no server enforces it.
	"x-kubernetes-unions": true,
}

// A schema in the form of api::Schema.
func schema(from object) object {
	to := object{}
	for key, value := range from {
		switch {
		case key == "allOf" && refOnly(value):
			to["$ref"] = reference(value.([]any)[0].(object)["$ref"].(string))
		case key == "$ref":
			to["$ref"] = reference(value.(string))
		case key == "properties":
			properties := object{}
			for name, property := range value.(object) {
				properties[name] = schema(property.(object))
			}
			to[key] = properties
		case key == "additionalProperties":
			switch value := value.(type) {
			case object:
				to[key] = schema(value)
			case bool:
				if value {
					to[key] = object{}
				}
			}
		case key == "items" || key == "not":
			to[key] = schema(value.(object))
		case key == "allOf" || key == "anyOf" || key == "oneOf":
			var list []object
			for _, item := range value.([]any) {
				list = append(list, schema(item.(object)))
			}
			to[key] = list
		case key == "x-kubernetes-validations":
			to[key] = rules(value.([]any))
		case kept[key]:
			to[key] = value
		case !dropped[key]:
			log.Fatalf("a schema has %q, which nobody has thought of", key)
		}
	}
	return to
}

func refOnly(value any) bool {
	list, ok := value.([]any)
	if !ok || len(list) != 1 {
		return false
	}
	_, ok = list[0].(object)["$ref"]
	return ok
}

func reference(ref string) string {
	return strings.TrimPrefix(ref, "#/components/schemas/")
}

// CEL rules. Their messages are what clients are shown, so they stay.
func rules(from []any) []object {
	var to []object
	for _, rule := range from {
		to = append(to, rule.(object))
	}
	return to
}

// The names that a schema refers to, each told to found.
func references(schema object, found func(string)) {
	for key, value := range schema {
		switch value := value.(type) {
		case string:
			if key == "$ref" {
				found(value)
			}
		case object:
			if key == "properties" {
				for _, property := range value {
					references(property.(object), found)
				}
			} else if key != "default" {
				references(value, found)
			}
		case []object:
			for _, item := range value {
				references(item, found)
			}
		}
	}
}
