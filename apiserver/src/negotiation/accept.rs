//! The rules of Kubernetes' `negotiation` package, and of the `Accept` parser
//! it uses, where these differ from the RFC's.

use http::HeaderMap;
use http::header::{ACCEPT, USER_AGENT};
use serde_json::Value;

use crate::Status;
use crate::query::Query;

/// As what an answer is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rendering {
    /// How objects are written.
    pub media: Media,
    /// What is made of them before.
    pub transform: Transform,
    /// Whether it is indented for people.
    pub pretty: bool,
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "named by the type")]
pub enum Media {
    #[default]
    Json,
    Yaml,
}

impl Media {
    /// The answer's `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }
}

/// What is made of an object or a list before it is written. A `Status` stays
/// as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// The metadata of one object.
    PartialObjectMetadata(MetaVersion),
    /// The metadata of a list's objects.
    PartialObjectMetadataList(MetaVersion),
    /// Rows and columns.
    Table(MetaVersion),
}

/// The version of `meta.k8s.io` that is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "named by the type")]
pub enum MetaVersion {
    V1,
    V1Beta1,
}

impl MetaVersion {
    /// `apiVersion` of objects of it.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What can be answered. Protobuf is not: a clause that asks for it is passed over.
const OFFERED: [&str; 2] = ["application/json", "application/yaml"];
/// Clauses behind that many are not read.
const MAX_CLAUSES: usize = 64;

impl Rendering {
    /// What the client asks for an object or a list to be.
    ///
    /// # Errors
    /// 406, if nothing that it takes can be answered.
    pub fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Status> {
        let by = |clause: &Clause<'_>, media| Self::by(clause, media);
        let mut rendering = negotiate(headers, by)?.unwrap_or_default();
        rendering.pretty |= is_for_people(headers, query);
        Ok(rendering)
    }

    /// What the client asks an answer to be that is neither an object nor a
    /// list, and that nothing else can be made of.
    ///
    /// # Errors
    /// 406, if nothing that it takes can be answered.
    pub fn of_plain(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Status> {
        let by = |clause: &Clause<'_>, media| {
            Self::by(clause, media).filter(|of| of.transform == Transform::None)
        };
        let mut rendering = negotiate(headers, by)?.unwrap_or_default();
        rendering.pretty |= is_for_people(headers, query);
        Ok(rendering)
    }

    /// What the client asks a watch's events to be.
    ///
    /// # Errors
    /// 406, if nothing that it takes can be answered as a stream.
    pub fn of_watch(headers: &HeaderMap) -> Result<Self, Status> {
        let rendering = Self::of(headers, None)?;
        match rendering.media {
            Media::Json => Ok(Self {
                pretty: false,
                ..rendering
            }),
            Media::Yaml => Err(Status::not_acceptable(&["application/json;stream=watch"])),
        }
    }

    /// A value as it is sent.
    #[must_use]
    pub fn encode(&self, value: &Value) -> Vec<u8> {
        let written = match (self.media, self.pretty) {
            (Media::Json, true) => serde_json::to_vec_pretty(value).ok(),
            (Media::Json, false) => serde_json::to_vec(value).ok().map(|mut line| {
                line.push(b'\n');
                line
            }),
            (Media::Yaml, _) => serde_saphyr::to_string(value).ok().map(String::into_bytes),
        };
        written.unwrap_or_default()
    }

    fn by(clause: &Clause<'_>, media: Media) -> Option<Self> {
        let stream = clause.parameter("stream").unwrap_or_default();
        let streams = stream.is_empty() || (stream == "watch" && media == Media::Json);
        let version = clause.parameter("sv").unwrap_or_default();
        if !streams || !(version.is_empty() || version == "v1") {
            return None;
        }
        Some(Self {
            media,
            transform: clause.transform()?,
            pretty: clause.parameter("pretty") == Some("1"),
        })
    }
}

/// What `by` makes of the first clause of which it makes something; `None` if
/// the client does not say what it takes.
///
/// # Errors
/// 406, if it makes nothing of any.
pub(crate) fn negotiate<T>(
    headers: &HeaderMap,
    by: impl Fn(&Clause<'_>, Media) -> Option<T>,
) -> Result<Option<T>, Status> {
    let Some(accept) = accept(headers) else {
        return Ok(None);
    };
    for clause in &clauses(accept) {
        for media in [Media::Json, Media::Yaml] {
            if clause.takes(media.content_type())
                && let Some(made) = by(clause, media)
            {
                return Ok(Some(made));
            }
        }
    }
    Err(Status::not_acceptable(&OFFERED))
}

/// One clause of an `Accept` header.
#[derive(Clone, Debug)]
pub struct Clause<'a> {
    main: &'a str,
    sub: &'a str,
    quality: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    /// The value of a parameter, the last if there are more.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        let named = self.parameters.iter().rfind(|(of, _)| *of == name);
        named.map(|(_, value)| *value)
    }

    /// Whether it takes that media type.
    #[must_use]
    pub fn takes(&self, media: &str) -> bool {
        let (main, sub) = media.split_once('/').unwrap_or((media, ""));
        match (self.main, self.sub) {
            ("*", "*") => true,
            (of, "*") => of == main,
            (of, exact) => of == main && exact == sub,
        }
    }

    /// `None` if it asks for something that there is not.
    fn transform(&self) -> Option<Transform> {
        let kind = self.parameter("as");
        let group = self.parameter("g");
        let version = self.parameter("v");
        if kind.is_none() && group.is_none() && version.is_none() {
            return Some(Transform::None);
        }
        let version = match (group?, version?) {
            ("meta.k8s.io", "v1") => MetaVersion::V1,
            ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
            _ => return None,
        };
        match kind? {
            "Table" => Some(Transform::Table(version)),
            "PartialObjectMetadata" => Some(Transform::PartialObjectMetadata(version)),
            "PartialObjectMetadataList" => Some(Transform::PartialObjectMetadataList(version)),
            _ => None,
        }
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (main, sub) = media.split_once('/').unwrap_or((media, ""));
        let (main, sub) = (main.trim_matches(' '), sub.trim_matches(' '));
        let sub = match (main, sub) {
            ("*", "") => "*",
            (_, sub) if sub.is_empty() || sub.contains('/') => return None,
            (_, sub) => sub,
        };
        let mut clause = Self {
            main,
            sub,
            quality: 1.0,
            parameters: Vec::new(),
        };
        for parameter in parameters.split(';') {
            match parameter.split_once('=') {
                Some((_, value)) if value.is_empty() || value.contains('=') => {}
                Some((name, value)) if name.trim_matches(' ') == "q" => {
                    clause.quality = value.parse().unwrap_or_default();
                }
                Some((name, value)) => {
                    let pair = (name.trim_matches(' '), value.trim_matches(' '));
                    clause.parameters.push(pair);
                }
                None => {}
            }
        }
        Some(clause)
    }

    /// Not an order, but what the real server sorts by.
    fn goes_before(&self, other: &Self) -> bool {
        self.quality > other.quality
            || (self.main != "*" && other.main == "*")
            || (self.sub != "*" && other.sub == "*")
    }
}

/// The clauses of an `Accept` header in the order in which they are tried.
#[must_use]
pub fn clauses(header: &str) -> Vec<Clause<'_>> {
    let clauses = header.split(',').take(MAX_CLAUSES);
    let mut clauses: Vec<Clause<'_>> = clauses
        .filter_map(|clause| Clause::parse(clause.trim_matches(' ')))
        .collect();
    // By insertion, as the real server does for so few: with a relation that
    // is no order, the way of sorting decides.
    for end in 1..clauses.len() {
        let mut at = end;
        while at > 0 && clauses[at].goes_before(&clauses[at - 1]) {
            clauses.swap(at, at - 1);
            at -= 1;
        }
    }
    clauses
}

fn accept(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(ACCEPT)?;
    Some(value.to_str().unwrap_or("?")).filter(|value| !value.is_empty())
}

/// Whether it is to be indented: by `?pretty`, else for browsers and their like.
fn is_for_people(headers: &HeaderMap, query: Option<&str>) -> bool {
    let query = Query::parse(query.unwrap_or_default());
    if let Some(pretty) = query.get("pretty").filter(|value| !value.is_empty()) {
        return matches!(pretty, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let people = ["curl", "Wget", "Mozilla/5.0"];
    agent.is_some_and(|agent| people.iter().any(|start| agent.starts_with(start)))
}

#[cfg(test)]
mod tests;
