use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::Status;

/// The form of a body that is a whole object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "named by the type")]
pub enum BodyMedia {
    Json,
    Protobuf,
    Yaml,
}

impl BodyMedia {
    /// What `Content-Type` says; JSON, if it says nothing.
    ///
    /// # Errors
    /// 415, if it is none of these.
    pub fn of(headers: &HeaderMap) -> Result<Self, Status> {
        let known = match content_type(headers).map(parse) {
            None => Some(Self::Json),
            Some(None) => None,
            Some(Some(media)) => match media.as_str() {
                "application/json" => Some(Self::Json),
                "application/yaml" => Some(Self::Yaml),
                "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
                _ => None,
            },
        };
        known.ok_or_else(|| {
            Status::unsupported_media_type(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ])
        })
    }
}

/// The form of a patch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PatchMedia {
    /// Server-side apply, in YAML or JSON.
    Apply,
    /// RFC 6902
    Json,
    /// RFC 7386
    Merge,
    /// Kubernetes' own merge, by the lists' keys.
    Strategic,
}

impl PatchMedia {
    /// What `Content-Type` says. `strategic` is whether the resource takes
    /// strategic merge patches, as custom resources do not.
    ///
    /// # Errors
    /// 415, if it is none that the resource takes.
    pub fn of(headers: &HeaderMap, strategic: bool) -> Result<Self, Status> {
        let mut taken = vec![
            ("application/json-patch+json", Self::Json),
            ("application/merge-patch+json", Self::Merge),
        ];
        if strategic {
            taken.push(("application/strategic-merge-patch+json", Self::Strategic));
        }
        taken.push(("application/apply-patch+yaml", Self::Apply));
        let told = content_type(headers).unwrap_or_default();
        let told = told.split(';').next().unwrap_or_default();
        match taken.iter().find(|(name, _)| *name == told) {
            Some((_, media)) => Ok(*media),
            None => {
                let names: Vec<&str> = taken.iter().map(|(name, _)| *name).collect();
                Err(Status::unsupported_media_type(&names))
            }
        }
    }
}

/// `None` if there is none or it is empty; what is no text is told as such.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?;
    Some(value.to_str().unwrap_or("?")).filter(|value| !value.is_empty())
}

/// The media type alone, in lower case; `None` if it or a parameter is malformed.
fn parse(value: &str) -> Option<String> {
    let (media, parameters) = value.split_once(';').unwrap_or((value, ""));
    let well_formed = |parameter: &str| {
        parameter
            .split_once('=')
            .is_some_and(|(name, value)| !name.is_empty() && !value.is_empty())
    };
    let mut parameters = parameters.split(';').map(str::trim);
    parameters
        .all(|parameter| parameter.is_empty() || well_formed(parameter))
        .then(|| media.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_body_is_json_unless_something_else_is_said() {
        assert_eq!(BodyMedia::of(&HeaderMap::new()), Ok(BodyMedia::Json));
        assert_eq!(BodyMedia::of(&headers("")), Ok(BodyMedia::Json));
        assert_eq!(
            BodyMedia::of(&headers("Application/YAML; charset=utf-8")),
            Ok(BodyMedia::Yaml)
        );
        assert_eq!(
            BodyMedia::of(&headers("application/vnd.kubernetes.protobuf")),
            Ok(BodyMedia::Protobuf)
        );
    }

    #[test]
    fn an_unknown_form_is_refused_with_those_that_are_taken() {
        for unknown in [
            "text/plain",
            "application/cbor",
            "application/json; charset",
        ] {
            let refused = BodyMedia::of(&headers(unknown)).unwrap_err();
            assert_eq!(refused.code(), 415);
            assert_eq!(
                refused.message(),
                "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
            );
        }
    }

    #[test]
    fn custom_resources_take_no_strategic_merge_patch() {
        let strategic = headers("application/strategic-merge-patch+json;charset=utf-8");
        assert_eq!(PatchMedia::of(&strategic, true), Ok(PatchMedia::Strategic));
        assert_eq!(
            PatchMedia::of(&strategic, false).unwrap_err().message(),
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        );
        for refused in ["application/apply-patch+cbor", "application/json", ""] {
            assert!(PatchMedia::of(&headers(refused), true).is_err());
        }
    }
}
