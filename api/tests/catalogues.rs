//! What holds of every catalogue.

use std::collections::BTreeSet;

use api::{Catalogue, Resource, Schema};

#[test]
fn every_reference_is_to_a_definition() {
    for (name, catalogue) in catalogues() {
        for (definition, schema) in &catalogue.definitions {
            each(schema, &mut |schema| {
                assert!(
                    catalogue.resolve(schema).is_some(),
                    "{name}: {definition} refers to {:?}",
                    schema.reference
                );
            });
        }
    }
}

#[test]
fn every_resource_has_a_schema_of_its_kind() {
    for (name, catalogue) in catalogues() {
        for resource in &catalogue.resources {
            let schema = catalogue
                .definitions
                .get(&resource.schema)
                .unwrap_or_else(|| panic!("{name}: no schema {}", resource.schema));
            assert!(
                schema.kinds.contains(&resource.group_version_kind()),
                "{name}: {} is not of {:?}",
                resource.schema,
                resource.group_version_kind()
            );
        }
    }
}

#[test]
fn verbs_and_names_are_as_discovery_has_them() {
    for (name, catalogue) in catalogues() {
        let mut seen = BTreeSet::new();
        for resource in &catalogue.resources {
            let what = resource.group_version_resource();
            assert!(seen.insert(format!("{what:?}")), "{name}: {what:?} twice");
            assert!(resource.custom || resource.verbs.is_sorted(), "{what:?}");
            assert!(!resource.verbs.is_empty(), "{what:?}");
            assert!(
                resource.names.plural.starts_with(&*resource.names.singular)
                    || resource.names.plural.ends_with("ies"),
                "{what:?}: {}",
                resource.names.singular
            );
            for subresource in &resource.subresources {
                assert!(
                    subresource.verbs.is_sorted(),
                    "{what:?}/{}",
                    subresource.name
                );
            }
        }
    }
}

#[test]
fn what_is_kept_elsewhere_is_kept_there() {
    let all: Vec<&Resource> = catalogues()
        .iter()
        .flat_map(|(_, catalogue)| &catalogue.resources)
        .collect();
    for resource in &all {
        if let api::Storage::As(elsewhere) = &resource.storage {
            assert!(
                all.iter()
                    .any(|other| other.group_version_resource() == *elsewhere
                        && other.storage == api::Storage::Own),
                "{elsewhere:?} is not served"
            );
        }
    }
}

#[test]
fn a_catalogue_is_what_its_text_says_and_small() {
    for (name, catalogue) in catalogues() {
        let text = serde_json::to_string(catalogue).unwrap();
        let again: Catalogue = serde_json::from_str(&text).unwrap();
        assert_eq!(again.definitions, catalogue.definitions);
        // A hub parses them all at every start.
        assert!(text.len() < 512 * 1024, "{name}: {} bytes", text.len());
    }
}

fn catalogues() -> [(&'static str, &'static Catalogue); 2] {
    [("core", api::core()), ("ocm", api::ocm())]
}

fn each(schema: &Schema, visit: &mut dyn FnMut(&Schema)) {
    visit(schema);
    let inner = schema
        .properties
        .values()
        .chain(schema.additional_properties.as_deref())
        .chain(schema.items.as_deref())
        .chain(schema.not.as_deref())
        .chain(&schema.all_of)
        .chain(&schema.any_of)
        .chain(&schema.one_of);
    for schema in inner {
        each(schema, visit);
    }
}

#[test]
fn definitions_are_whole_and_have_one_version_that_is_stored() {
    let definitions = api::ocm().custom_resource_definitions();
    let names: Vec<&str> = definitions
        .iter()
        .filter_map(|of| of.pointer("/metadata/name")?.as_str())
        .collect();
    assert_eq!(names.len(), definitions.len());
    assert!(names.contains(&"managedclusters.cluster.open-cluster-management.io"));
    assert!(!names.contains(&"clustergateways.cluster.core.oam.dev"));
    for definition in &definitions {
        let versions = definition["spec"]["versions"].as_array().unwrap();
        let stored = versions.iter().filter(|of| of["storage"] == true);
        assert_eq!(stored.count(), 1, "{}", definition["metadata"]["name"]);
        let text = definition.to_string();
        assert!(!text.contains("$ref"), "{}", definition["metadata"]["name"]);
    }
}
