package main

import (
	"log"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Where a CustomResourceDefinition is, and which of its versions are taken;
// all, if none is named.
type definition struct {
	module, path string
	versions     []string
}

var definitions = []definition{
	{module: ocmVersion, path: "addon/v1alpha1/0000_03_addon.open-cluster-management.io_addontemplates.crd.yaml"},
	{module: ocmVersion, path: "addon/v1beta1/0000_00_addon.open-cluster-management.io_clustermanagementaddons.crd.yaml"},
	{module: ocmVersion, path: "addon/v1beta1/0000_01_addon.open-cluster-management.io_managedclusteraddons.crd.yaml"},
	{module: ocmVersion, path: "addon/v1beta1/0000_02_addon.open-cluster-management.io_addondeploymentconfigs.crd.yaml"},
	{module: managedServiceAccountVersion, path: "config/crd/bases/authentication.open-cluster-management.io_managedserviceaccounts.yaml"},
	{module: ocmVersion, path: "cluster/v1/0000_00_clusters.open-cluster-management.io_managedclusters.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1alpha1/0000_02_clusters.open-cluster-management.io_clusterclaims.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1alpha1/0000_05_clusters.open-cluster-management.io_addonplacementscores.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1beta1/0000_02_clusters.open-cluster-management.io_placements.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1beta1/0000_03_clusters.open-cluster-management.io_placementdecisions.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1beta2/0000_00_clusters.open-cluster-management.io_managedclustersets.crd.yaml"},
	{module: ocmVersion, path: "cluster/v1beta2/0000_01_clusters.open-cluster-management.io_managedclustersetbindings.crd.yaml"},
	{
		module: clusterSetV1beta1Version, versions: []string{"v1beta1"},
		path: "cluster/v1beta2/0000_00_clusters.open-cluster-management.io_managedclustersets.crd.yaml",
	},
	{
		module: clusterSetV1beta1Version, versions: []string{"v1beta1"},
		path: "cluster/v1beta2/0000_01_clusters.open-cluster-management.io_managedclustersetbindings.crd.yaml",
	},
	{module: ocmVersion, path: "operator/v1/0000_00_operator.open-cluster-management.io_klusterlets.crd.yaml"},
	{module: ocmVersion, path: "operator/v1/0000_01_operator.open-cluster-management.io_clustermanagers.crd.yaml"},
	{module: clusterProxyVersion, path: "hack/crd/bases/proxy.open-cluster-management.io_managedproxyconfigurations.yaml"},
	{module: clusterProxyVersion, path: "hack/crd/bases/proxy.open-cluster-management.io_managedproxyserviceresolvers.yaml"},
	{module: ocmVersion, path: "work/v1/0000_00_work.open-cluster-management.io_manifestworks.crd.yaml"},
	{module: ocmVersion, path: "work/v1/0000_01_work.open-cluster-management.io_appliedmanifestworks.crd.yaml"},
	{module: ocmVersion, path: "work/v1alpha1/0000_00_work.open-cluster-management.io_manifestworkreplicasets.crd.yaml"},
}

// A CustomResourceDefinition, as far as it is read.
type crd struct {
	Spec struct {
		Group string
		Names struct {
			Kind, ListKind, Plural, Singular string
			ShortNames, Categories           []string
		}
		Scope    string
		Versions []crdVersion
	}
}

type crdVersion struct {
	Name               string
	Served, Storage    bool
	Deprecated         bool
	DeprecationWarning string
	Schema             struct{ OpenAPIV3Schema object }
	Subresources       struct {
		Status object
		Scale  object
	}
	AdditionalPrinterColumns []object
	SelectableFields         []object
}

// The order in which discovery has a custom resource's verbs.
var customVerbs = []string{
	"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch",
}

// The catalogue of Open Cluster Management's kinds.
func ocm() object {
	var resources []object
	schemas := map[string]object{}
	storage := map[string]string{}
	for _, from := range definitions {
		var read crd
		path := filepath.Join(module(from.module), from.path)
		if err := yaml.Unmarshal(file(path), &read); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		name := read.Spec.Names.Plural + "." + read.Spec.Group
		for _, version := range read.Spec.Versions {
			if version.Storage && from.versions == nil {
				storage[name] = version.Name
			}
		}
		for _, version := range read.Spec.Versions {
			if from.versions != nil && !slices.Contains(from.versions, version.Name) || !version.Served {
				continue
			}
			resources = append(resources, read.resource(version, storage[name], schemas))
		}
	}
	return object{"resources": resources, "definitions": schemas}
}

// One version as an api::Resource; its schemas are added to all.
func (read crd) resource(version crdVersion, storage string, schemas map[string]object) object {
	if version.SelectableFields != nil || version.Subresources.Scale != nil {
		log.Fatalf("%s has what nobody has thought of", read.Spec.Names.Kind)
	}
	group, names := read.Spec.Group, read.Spec.Names
	to := object{
		"group": group, "version": version.Name, "custom": true, "verbs": customVerbs,
		"scope": read.Spec.Scope,
		"names": object{
			"kind": names.Kind, "listKind": names.ListKind, "plural": names.Plural,
			"singular": names.Singular, "shortNames": names.ShortNames,
			"categories": names.Categories,
		},
		"schema": define(group, version, names.Kind, names.ListKind, schemas),
	}
	for _, key := range []string{"shortNames", "categories"} {
		if len(to["names"].(object)[key].([]string)) == 0 {
			delete(to["names"].(object), key)
		}
	}
	if version.Name != storage {
		to["storage"] = object{"as": object{"group": group, "version": storage, "resource": names.Plural}}
	}
	if version.Subresources.Status != nil {
		to["subresources"] = []object{{
			"name": "status", "verbs": []string{"get", "patch", "update"}, "writes": []string{"status"},
		}}
	}
	if version.Deprecated {
		warning := version.DeprecationWarning
		if warning == "" {
			warning = group + "/" + version.Name + " " + names.Kind + " is deprecated"
		}
		to["deprecation"] = warning
	}
	for _, column := range version.AdditionalPrinterColumns {
		delete(column, "description")
	}
	if version.AdditionalPrinterColumns != nil {
		to["columns"] = version.AdditionalPrinterColumns
	}
	return to
}

// Adds the schemas of a kind and its list, under the names that an API server
// publishes them by; tells the kind's.
func define(group string, version crdVersion, kind, listKind string, schemas map[string]object) string {
	labels := strings.Split(group, ".")
	slices.Reverse(labels)
	prefix := strings.Join(labels, ".") + "." + version.Name + "."
	gvk := func(kind string) []object {
		return []object{{"group": group, "version": version.Name, "kind": kind}}
	}
	const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

	one := schema(version.Schema.OpenAPIV3Schema)
	one["properties"].(object)["metadata"] = object{"$ref": meta + "ObjectMeta"}
	one["x-kubernetes-group-version-kind"] = gvk(kind)
	schemas[prefix+kind] = one
	schemas[prefix+listKind] = object{
		"type": "object", "required": []string{"items"},
		"properties": object{
			"apiVersion": object{"type": "string"}, "kind": object{"type": "string"},
			"metadata": object{"$ref": meta + "ListMeta"},
			"items":    object{"type": "array", "items": object{"$ref": prefix + kind}},
		},
		"x-kubernetes-group-version-kind": gvk(listKind),
	}
	return prefix + kind
}
