package main

import (
	"encoding/json"
	"math/rand"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

type jsonCase struct {
	Object any    `json:"object"`
	Patch  any    `json:"patch"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// document makes an object of few names, with what the sorts of patches treat
// in ways of their own: nulls, lists, names to be escaped.
func (g *generator) document(depth int) any {
	switch g.Intn(7) {
	case 0:
		return nil
	case 1:
		return []any{"x", int64(1), true}[g.Intn(3)]
	case 2:
		list := []any{}
		for range g.Intn(3) {
			if depth > 0 {
				list = append(list, g.document(depth-1))
			}
		}
		return list
	}
	fields := map[string]any{}
	for range g.Intn(4) {
		if depth > 0 {
			fields[patchNames[g.Intn(len(patchNames))]] = g.document(depth - 1)
		}
	}
	return fields
}

var patchNames = []string{"a", "b", "/", "~", "0"}

func (g *generator) object0() any {
	return map[string]any{"a": g.document(3), "b": g.document(3), "0": g.document(2)}
}

func (g *generator) pointer() any {
	path := ""
	for range 1 + g.Intn(3) {
		path += "/" + []string{"a", "b", "~1", "~0", "0", "1", "-1", "-", "01", "x", "99999999999999999999"}[min(g.Intn(11), g.Intn(11))]
	}
	switch g.Intn(40) {
	case 0:
		return ""
	case 1:
		return strings.TrimPrefix(path, "/")
	case 2:
		return nil
	}
	return path
}

func jsonPatchCase(random *rand.Rand) any {
	for {
		if c := tryJSONPatch(random); c != nil {
			return c
		}
	}
}

// tryJSONPatch is nil if the real server panics.
func tryJSONPatch(random *rand.Rand) (out any) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	g := &generator{Rand: random}
	operations := []any{}
	for range 1 + g.Intn(3) {
		operation := map[string]any{
			"op": []string{"add", "remove", "replace", "move", "copy", "test", "other"}[min(g.Intn(7), 5+g.Intn(40))],
		}
		if path := g.pointer(); path != nil {
			operation["path"] = path
		}
		if from := g.pointer(); from != nil {
			operation["from"] = from
		}
		if g.chance(90) {
			operation["value"] = g.document(2)
		}
		operations = append(operations, operation)
	}
	c := jsonCase{Object: g.object0(), Patch: operations}
	object, err := json.Marshal(c.Object)
	check(err)
	text, err := json.Marshal(c.Patch)
	check(err)
	patch, err := jsonpatch.DecodePatch(text)
	check(err)
	c.answer(patch.Apply(object))
	return c
}

func mergePatchCase(random *rand.Rand) any {
	g := &generator{Rand: random}
	c := jsonCase{Object: g.object0(), Patch: g.object0()}
	object, err := json.Marshal(c.Object)
	check(err)
	patch, err := json.Marshal(c.Patch)
	check(err)
	c.answer(jsonpatch.MergePatch(object, patch))
	return c
}

func (c *jsonCase) answer(result []byte, err error) {
	if err != nil {
		c.Error = err.Error()
		return
	}
	check(json.Unmarshal(result, &c.Result))
}
