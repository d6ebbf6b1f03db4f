//! What names, labels and their like may look like, with the real server's
//! texts of what is wrong with them. Each function returns all that is wrong.

/// A DNS label of RFC 1123: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, 63 at most.
#[must_use]
pub fn dns_label(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, 63);
    if !is_dns_label(value) && value.split('.').all(is_dns_label) {
        wrong.push("must not contain dots".to_owned());
    } else if !is_dns_label(value) {
        wrong.push(unlike(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            DNS_LABEL,
            &["my-name", "123-abc"],
        ));
    }
    wrong
}

/// DNS labels with dots between, 253 characters at most.
#[must_use]
pub fn dns_subdomain(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, 253);
    if !value.split('.').all(is_dns_label) {
        wrong.push(unlike(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            &format!(r"{DNS_LABEL}(\.{DNS_LABEL})*"),
            &["example.com"],
        ));
    }
    wrong
}

/// A DNS label of RFC 1035, which starts with a letter.
#[must_use]
pub fn dns_1035_label(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, 63);
    if !is_dns_label(value) || !value.starts_with(|c: char| c.is_ascii_lowercase()) {
        wrong.push(unlike(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            "[a-z]([-a-z0-9]*[a-z0-9])?",
            &["my-name", "abc-123"],
        ));
    }
    wrong
}

/// A name that may be one segment of a path, as RBAC's objects have.
#[must_use]
pub fn path_segment(value: &str) -> Vec<String> {
    if matches!(value, "." | "..") {
        return vec![format!("may not be '{value}'")];
    }
    let contained = ["/", "%"].into_iter().filter(|part| value.contains(part));
    contained
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// A label's key, which is also the form of annotation keys and finalizers:
/// an optional DNS subdomain and a slash, and a name.
#[must_use]
pub fn label_key(value: &str) -> Vec<String> {
    let parts: Vec<&str> = value.split('/').collect();
    let mut wrong = Vec::new();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(
                    dns_subdomain(prefix)
                        .into_iter()
                        .map(|why| format!("prefix part {why}")),
                );
            }
            name
        }
        _ => {
            let form = unlike(LABEL_KEY_TEXT, LABEL_KEY, &["MyName", "my.name", "123-abc"]);
            return vec![format!(
                "a valid label key {form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else {
        wrong.extend(
            label_too_long(name)
                .into_iter()
                .map(|why| format!("name part {why}")),
        );
    }
    if !is_label_name(name) {
        let form = unlike(LABEL_KEY_TEXT, LABEL_KEY, &["MyName", "my.name", "123-abc"]);
        wrong.push(format!("name part {form}"));
    }
    wrong
}

/// A label's value: empty, or as a label's name.
#[must_use]
pub fn label_value(value: &str) -> Vec<String> {
    let mut wrong = label_too_long(value);
    if !value.is_empty() && !is_label_name(value) {
        wrong.push(unlike(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            &format!("({LABEL_KEY})?"),
            &["MyValue", "my_value", "12345"],
        ));
    }
    wrong
}

/// A key of a ConfigMap's or a Secret's data.
#[must_use]
pub fn config_key(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, 253);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.is_empty() || !value.chars().all(good) {
        wrong.push(unlike(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    match value {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if value.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

/// A port's name, 15 characters at most, one of them a letter.
#[must_use]
pub fn port(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, 15);
    let mut tell = |so: bool, why: &str| {
        if so {
            wrong.push(why.to_owned());
        }
    };
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    tell(
        value.is_empty() || !value.chars().all(good),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    tell(
        !value.contains(|c: char| c.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    );
    tell(value.contains("--"), "must not contain consecutive hyphens");
    tell(
        value.starts_with('-') || value.ends_with('-'),
        "must not begin or end with a hyphen",
    );
    wrong
}

/// The name of a variable of a container's environment.
#[must_use]
pub fn variable(value: &str) -> Vec<String> {
    let good = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '=';
    if value.chars().all(good) {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
            .to_owned(),
    ]
}

const DNS_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_TEXT: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

fn is_dns_label(value: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = value.as_bytes();
    bytes.first().is_some_and(|c| inner(*c))
        && bytes.last().is_some_and(|c| inner(*c))
        && bytes.iter().all(|c| inner(*c) || *c == b'-')
}

fn is_label_name(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
}

/// Labels are told in other words than names.
fn label_too_long(value: &str) -> Vec<String> {
    if value.len() > 63 {
        vec!["must be no more than 63 bytes".to_owned()]
    } else {
        Vec::new()
    }
}

fn too_long(value: &str, most: usize) -> Vec<String> {
    if value.len() > most {
        vec![format!("must be no more than {most} characters")]
    } else {
        Vec::new()
    }
}

/// Kubernetes' text for a value that a regular expression does not match.
fn unlike(text: &str, expression: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|of| format!("'{of}'")).collect();
    let examples = match examples.as_slice() {
        [] => return format!("{text} (regex used for validation is '{expression}')"),
        [one] => format!("e.g. {one}"),
        [first, rest @ ..] => format!("e.g. {first},  or {}", rest.join(",  or ")),
    };
    format!("{text} ({examples}, regex used for validation is '{expression}')")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_have_nothing_wrong() {
        assert!(dns_label("a-1").is_empty());
        assert!(dns_subdomain("a-1.b").is_empty());
        assert!(label_key("example.com/My_name.1").is_empty());
        assert!(label_value("").is_empty());
        assert!(path_segment("system:node").is_empty());
        assert!(config_key(".hidden").is_empty());
        assert!(port("web-1").is_empty());
        assert!(variable("A.b c").is_empty());
    }

    #[test]
    fn bad_names_are_told_in_the_real_servers_words() {
        assert_eq!(
            dns_subdomain("A_b"),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(label_key("a/b/c").len(), 1);
        assert_eq!(
            port("80-"),
            [
                "must contain at least one letter (a-z)",
                "must not begin or end with a hyphen"
            ]
        );
        assert_eq!(variable("a=b").len(), 1);
        assert_eq!(path_segment(".."), ["may not be '..'"]);
    }
}
