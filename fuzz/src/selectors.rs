use apiserver::selector::{FieldSelector, LabelSelector};

/// Label and field selectors.
///
/// One that is taken answers for every object without failing, and the same
/// each time; one that selects everything does.
pub fn selectors(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(selector) = LabelSelector::parse(text) {
        for value in [None, Some(""), Some("a"), Some("7")] {
            let matches = selector.matches(|_| value);
            assert_eq!(matches, selector.matches(|_| value));
            assert!(matches || !selector.is_empty());
        }
    }
    if let Ok(selector) = FieldSelector::parse(text) {
        for value in ["", "a"] {
            let matches = selector.matches(|_| value.into());
            assert!(matches || !selector.is_empty());
            let exact = |field| selector.exact(field).is_none_or(|wanted| wanted == value);
            let all = selector.fields().all(exact);
            assert!(!matches || all, "{text:?} lets {value:?} through");
        }
    }
}
