use std::fmt;

/// What is wrong with one field of an object, with the kinds and texts of
/// Kubernetes' `field.Error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// The field, as `spec.containers[0].name`.
    pub field: String,
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// More of it; may be empty.
    pub detail: String,
}

impl FieldError {
    /// How many errors one object is told to have at most. Kubernetes tells
    /// all, of which there may be as many as there are values in a body.
    pub const MOST: usize = 100;

    /// Whether so many have been found that no more are to be looked for.
    #[must_use]
    pub const fn enough(found: &[Self]) -> bool {
        found.len() >= Self::MOST
    }

    /// An error of `kind` at `field`.
    #[must_use]
    pub fn new(field: impl Into<String>, kind: FieldErrorKind, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            kind,
            detail: detail.into(),
        }
    }

    /// The text without the field, as it stands in a `Status` cause.
    #[must_use]
    pub fn body(&self) -> String {
        let head = match &self.kind {
            FieldErrorKind::Duplicate(value) => format!("Duplicate value: {value}"),
            FieldErrorKind::Forbidden => "Forbidden".to_owned(),
            FieldErrorKind::Invalid(value) => format!("Invalid value: {value}"),
            FieldErrorKind::NotFound(value) => format!("Not found: {value}"),
            FieldErrorKind::NotSupported(value) => format!("Unsupported value: {value}"),
            FieldErrorKind::Required => "Required value".to_owned(),
            FieldErrorKind::TooLong => "Too long".to_owned(),
            FieldErrorKind::TooMany(count) => format!("Too many: {count}"),
            FieldErrorKind::TypeInvalid(value) => format!("Invalid value: {value}"),
        };
        if self.detail.is_empty() {
            head
        } else {
            format!("{head}: {}", self.detail)
        }
    }
}

/// `spec.x: Invalid value: "y": must be z`
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// The kinds of error. A value is given as its JSON text: strings in quotes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FieldErrorKind {
    /// The value is there already.
    Duplicate(String),
    /// The field may not be set as it is.
    Forbidden,
    /// The value is not a good one.
    Invalid(String),
    /// What the value names is not there.
    NotFound(String),
    /// The value is none of those allowed.
    NotSupported(String),
    /// There is no value.
    Required,
    /// The value has too many characters.
    TooLong,
    /// There are that many.
    TooMany(u64),
    /// The value is of another type.
    TypeInvalid(String),
}

impl FieldErrorKind {
    /// The reason of a `Status` cause.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Duplicate(_) => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::Invalid(_) => "FieldValueInvalid",
            Self::NotFound(_) => "FieldValueNotFound",
            Self::NotSupported(_) => "FieldValueNotSupported",
            Self::Required => "FieldValueRequired",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany(_) => "FieldValueTooMany",
            Self::TypeInvalid(_) => "FieldValueTypeInvalid",
        }
    }
}
