// Command generate answers the cases of server-side apply, in
// ../src/apply/tests/cases, with structured-merge-diff, the library that
// kube-apiserver applies with, and makes others at random that it answers too.
//
//	cd apiserver/generate && go run . ../src/apply/tests
//
// A new release is taken up by changing its version in go.mod.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

// A file of cases.
type cases struct {
	Definitions map[string]*spec.Schema `json:"definitions"`
	Cases       []script                `json:"cases"`
}

// What some managers do to an object of one type, one after the other.
type script struct {
	What string `json:"what,omitempty"`
	// The definition that the object is of.
	Of string `json:"of"`
	// The versions that there are; v1 to v4 if none is said.
	Served []string `json:"served,omitempty"`
	// By name, what can be changed through some endpoints; through the others
	// all can.
	Endpoints map[string]endpoint `json:"endpoints,omitempty"`
	Steps     []step              `json:"steps"`
}

// One of: an apply, a forced one, an update, each by that manager; another
// definition from now on; a version that is served no more.
type step struct {
	Apply   string `json:"apply,omitempty"`
	Force   string `json:"force,omitempty"`
	Update  string `json:"update,omitempty"`
	Version string `json:"version,omitempty"`
	// The endpoint.
	Through string `json:"through,omitempty"`
	Object  any    `json:"object"`
	Become  string `json:"become,omitempty"`
	Gone    string `json:"gone,omitempty"`
}

// All fields but some, or only some, by path.
type endpoint struct {
	Without []string `json:"without,omitempty"`
	Only    []string `json:"only,omitempty"`
}

// What there is after a step, or why it was refused.
type answer struct {
	Object    any              `json:"object,omitempty"`
	Owners    map[string]owned `json:"owners,omitempty"`
	Conflicts []string         `json:"conflicts,omitempty"`
	Refused   string           `json:"refused,omitempty"`
}

type owned struct {
	Version string `json:"version"`
	Applied bool   `json:"applied"`
	// FieldsV1, as it is written.
	Fields string `json:"fields"`
}

const (
	seed      = 1
	generated = 60
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate FOLDER")
	}
	folder := os.Args[1]
	files, err := filepath.Glob(filepath.Join(folder, "cases", "*.yaml"))
	check(err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		var read cases
		content, err := os.ReadFile(file)
		check(err)
		if err := yaml.UnmarshalStrict(content, &read); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		var out bytes.Buffer
		for _, script := range read.Cases {
			line(&out, map[string]any{"what": script.What, "answers": run(read.Definitions, script)})
		}
		if name == "any" {
			for _, script := range random(read.Definitions, seed, generated) {
				line(&out, map[string]any{"case": script, "answers": run(read.Definitions, script)})
			}
		}
		check(os.WriteFile(filepath.Join(folder, "answers", name+".jsonl"), out.Bytes(), 0o644))
	}
}

// Writes a value in a line of its own.
func line(out *bytes.Buffer, value any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(value))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
