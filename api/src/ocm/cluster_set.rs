use serde_json::Value;

use crate::{Conversion, Hooks};

/// The older version has another name for sets by label.
pub(super) const V1BETA1: Hooks = Hooks {
    conversion: Some(Conversion {
        from_stored: |object| rename(object, STORED, SHOWN),
        to_stored: |object| rename(object, SHOWN, STORED),
    }),
    ..Hooks::NONE
};

const STORED: &str = "ExclusiveClusterSetLabel";
const SHOWN: &str = "LegacyClusterSetLabel";

fn rename(object: &mut Value, from: &str, to: &str) {
    if let Some(kind) = object.pointer_mut("/spec/clusterSelector/selectorType")
        && *kind == from
    {
        *kind = to.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_by_label_is_stored_under_the_newer_name() {
        let of = |kind| json!({"spec": {"clusterSelector": {"selectorType": kind}}});
        let conversion = V1BETA1.conversion.unwrap();
        let mut object = of("LegacyClusterSetLabel");
        (conversion.to_stored)(&mut object);
        assert_eq!(object, of("ExclusiveClusterSetLabel"));
        (conversion.from_stored)(&mut object);
        assert_eq!(object, of("LegacyClusterSetLabel"));
        let mut other = of("LabelSelector");
        (conversion.to_stored)(&mut other);
        assert_eq!(other, of("LabelSelector"));
    }
}
