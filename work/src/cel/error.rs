/// Why an expression is none, or has no value. The texts are Google's where it
/// has one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CelError {
    /// More steps than there are.
    #[error("CEL evaluation budget exceeded")]
    Budget,
    /// A division of an integer by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// An index behind a list's end or before its beginning.
    #[error("index out of bounds: {0}")]
    Index(String),
    /// A value that a function does not take.
    #[error("{0}")]
    Invalid(String),
    /// A remainder of a division by zero.
    #[error("modulus by zero")]
    ModulusByZero,
    /// Something that a map does not have.
    #[error("no such key: {0}")]
    NoSuchKey(String),
    /// An operator or function that does not take such values.
    #[error("no such overload")]
    NoSuchOverload,
    /// A number that its type cannot hold.
    #[error("{0} overflow")]
    Overflow(&'static str),
    /// A text that is no expression.
    #[error("ERROR: <input>:{line}:{column}: {what}")]
    Syntax {
        /// From 1 on.
        line: usize,
        /// From 1 on, in characters.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A name of nothing.
    #[error("undeclared reference to '{0}' (in container '')")]
    Undeclared(String),
}

impl CelError {
    /// Whether nothing may make up for it: no other operand of `||`, for one.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Budget)
    }
}
