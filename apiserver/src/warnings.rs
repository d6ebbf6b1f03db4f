//! What is warned of in the head of an answer.

use std::collections::HashSet;

use http::header::WARNING;
use http::{HeaderValue, Response};

/// Characters that all warnings of an answer have together. Are there more, then
/// each is cut, and those behind are left out, as the real server does it.
const MOST: usize = 4096;
/// Characters of a warning that is cut.
const CUT: usize = 256;

/// Warns of each thing once.
pub(crate) fn warn<B>(response: &mut Response<B>, warnings: &[String]) {
    let mut told = HashSet::new();
    let texts: Vec<&str> = warnings
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty() && !text.contains(char::is_control) && told.insert(*text))
        .collect();
    let whole: usize = texts.iter().map(|text| text.chars().count()).sum();
    let most_of_one = if whole > MOST { CUT } else { MOST };
    let mut written = 0;
    for text in texts {
        if written >= MOST {
            break;
        }
        let text: String = text.chars().take(most_of_one).collect();
        written += text.chars().count();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::try_from(format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(warnings: &[String]) -> Vec<String> {
        let mut response = Response::new(());
        warn(&mut response, warnings);
        let values = response.headers().get_all(WARNING);
        let texts = values
            .iter()
            .map(|value| value.to_str().unwrap().to_owned());
        texts.collect()
    }

    #[test]
    fn each_is_told_once_and_quoted() {
        let warnings = [
            "a \"b\" \\".to_owned(),
            String::new(),
            "a \"b\" \\".to_owned(),
        ];
        assert_eq!(warned(&warnings), [r#"299 - "a \"b\" \\""#]);
        assert!(warned(&["two\nlines".to_owned()]).is_empty());
    }

    #[test]
    fn few_are_told_whole_and_many_are_cut() {
        let few = ["x".repeat(MOST)];
        assert_eq!(warned(&few)[0].len(), MOST + "299 - \"\"".len());
        let many: Vec<String> = (0..100)
            .map(|at| format!("{at:03}{}", "x".repeat(3000)))
            .collect();
        let told = warned(&many);
        assert_eq!(told.len(), MOST / CUT);
        assert!(
            told.iter()
                .all(|text| text.len() == CUT + "299 - \"\"".len())
        );
    }
}
