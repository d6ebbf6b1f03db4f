use api::{Resource, Verb};

/// A resource's verbs in the order in which the real server tells them:
/// alphabetical, but for custom resources.
pub(super) fn verbs(resource: &Resource) -> Vec<Verb> {
    const CUSTOM: [Verb; 8] = [
        Verb::Delete,
        Verb::DeleteCollection,
        Verb::Get,
        Verb::List,
        Verb::Patch,
        Verb::Create,
        Verb::Update,
        Verb::Watch,
    ];
    let mut verbs = resource.verbs.clone();
    if resource.custom {
        verbs.sort_by_key(|verb| CUSTOM.iter().position(|of| of == verb));
    }
    verbs
}
