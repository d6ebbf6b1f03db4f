// Command generate writes what Adit has to know of other people's kinds, from
// the Go modules that publish them: Kubernetes' OpenAPI documents and protobuf
// definitions, and CustomResourceDefinitions. Only facts of the interface are
// written (names, types, bounds, defaults, list keys, field numbers, CEL rules);
// descriptions are left behind.
//
//	cd api/generate && go run . ../src/gen
//
// A new release is taken up by changing a version below.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	kubernetesVersion            = "k8s.io/kubernetes@v1.36.3"
	kubernetesAPIVersion         = "k8s.io/api@v0.36.3"
	kubernetesMachineryVersion   = "k8s.io/apimachinery@v0.36.3"
	ocmVersion                   = "open-cluster-management.io/api@v1.3.0"
	managedServiceAccountVersion = "open-cluster-management.io/managed-serviceaccount@v0.10.0"
	clusterProxyVersion          = "open-cluster-management.io/cluster-proxy@v0.10.0"
	// The last with v1beta1 of ManagedClusterSet and its binding.
	clusterSetV1beta1Version = "open-cluster-management.io/api@v0.11.0"
)

// An object in JSON.
type object = map[string]any

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate FOLDER")
	}
	write(os.Args[1], "core.json", core())
	write(os.Args[1], "ocm.json", ocm())
}

// The folder of a module, which is fetched if it is not there.
func module(version string) string {
	command := exec.Command("go", "mod", "download", "-json", version)
	command.Stderr = os.Stderr
	out, err := command.Output()
	var found struct{ Dir, Error string }
	if parsed := json.Unmarshal(out, &found); parsed != nil || found.Dir == "" {
		log.Fatalf("no module %s: %s %v", version, found.Error, err)
	}
	return found.Dir
}

func file(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return content
}

// Writes one definition or resource a line, so that a change shows where it is.
func write(folder, name string, catalogue object) {
	var out bytes.Buffer
	out.WriteString("{\"resources\":[")
	resources, _ := catalogue["resources"].([]object)
	for i, resource := range resources {
		fmt.Fprintf(&out, "%s\n%s", comma(i), compact(resource))
	}
	out.WriteString("\n],\"definitions\":{")
	definitions := catalogue["definitions"].(map[string]object)
	for i, name := range sorted(definitions) {
		fmt.Fprintf(&out, "%s\n%s:%s", comma(i), compact(name), compact(definitions[name]))
	}
	out.WriteString("\n}}\n")
	if err := os.WriteFile(filepath.Join(folder, name), out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	log.Printf("%s: %d resources, %d definitions, %d bytes", name, len(resources), len(definitions), out.Len())
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

func compact(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		log.Fatal(err)
	}
	return bytes.TrimSpace(out.Bytes())
}
