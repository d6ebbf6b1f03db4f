//! What differs between two runs of one command, taken out.

use std::sync::LazyLock;

use regex::Regex;

/// The text without what the clock, the API server's counters and the way to
/// it make different: times, ages, versions and ids of objects, names of
/// temporary files, tokens, addresses in memory, the width of columns.
pub fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in RULES.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4}( UTC)?)?", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"0x[0-9a-f]+\??", "ADDRESS"),
        (r"Resource Version:\s+\d+", "Resource Version: N"),
        (r#"resourceVersion("?: ?)"?\d+"?"#, "resourceVersion${1}N"),
        (r#""continue":"[A-Za-z0-9+/=_-]+""#, r#""continue":"TOKEN""#),
        (r"https?://[0-9.]+:\d+(/clusters/[a-z0-9-]+|/apis/cluster\.core\.oam\.dev/v1alpha1/clustergateways/[a-z0-9-]+/proxy)?", "SERVER"),
        (r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", "TOKEN"),
        (r"(LIVE|MERGED)-\d+", "${1}-FILE"),
        (r"(?m)(^|\s)(\d+[smhd]){1,2}($|\s)", "${1}AGE${3}"),
        (r"(?m) +$", ""),
        (r" {2,}", "  "),
    ]
    .into_iter()
    .map(|(pattern, replacement)| (Regex::new(pattern).expect("the pattern is valid"), replacement))
    .collect()
});

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn two_tables_that_differ_in_ages_are_the_same() {
        let (early, late) = (
            "a    Active   9s\nb    Active   2m10s\n",
            "a    Active   11s\nb    Active   3m\n",
        );
        assert_eq!(normal(early), normal(late));
    }

    #[test]
    fn two_tables_that_differ_in_a_value_are_not() {
        assert_ne!(normal("a  1  9s\n"), normal("a  2  9s\n"));
    }

    #[test]
    fn two_pages_of_other_revisions_are_the_same() {
        let (early, late) = (
            r#"{"continue":"eyJydiI6NDF9","remainingItemCount":47}"#,
            r#"{"continue":"eyJydiI6NDN9","remainingItemCount":47}"#,
        );
        assert_eq!(normal(early), normal(late));
    }

    #[test]
    fn times_versions_and_ids_of_an_object_are_taken_out() {
        let object = "creationTimestamp: \"2026-11-21T09:00:00Z\"\nresourceVersion: \"123\"\nuid: 0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f\n";
        assert_eq!(
            normal(object),
            "creationTimestamp: \"TIME\"\nresourceVersion: N\nuid: UID\n"
        );
    }
}
