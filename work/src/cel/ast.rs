use super::{CelError, functions};

/// An expression. None is nested deeper than [`super::DEPTH_MAX`].
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// All of them; an operand that fails is made up for by one that is false.
    And(Vec<Self>),
    Binary(Operator, Box<(Self, Self)>),
    Call(Box<str>, Vec<Self>),
    Conditional(Box<(Self, Self, Self)>),
    Has(Box<Self>, Box<str>),
    Index {
        of: Box<(Self, Self)>,
        optional: bool,
    },
    List(Vec<Item>),
    Literal(Literal),
    Macro(Box<Macro>),
    Map(Vec<(Self, Item)>),
    Method(Box<Self>, Box<str>, Vec<Self>),
    Name(Box<str>),
    Negate(Box<Self>),
    Not(Box<Self>),
    /// Any of them; an operand that fails is made up for by one that is true.
    Or(Vec<Self>),
    Select {
        of: Box<Self>,
        field: Box<str>,
        optional: bool,
    },
}

/// An item of a list, or a value of a map.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Expr,
    /// Whether it is left out if it has no value.
    pub(super) optional: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Bool(bool),
    Bytes(Vec<u8>),
    Double(f64),
    Int(i64),
    Null,
    Text(String),
    Uint(u64),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Add,
    Divide,
    Equal,
    Greater,
    GreaterOrEqual,
    In,
    Less,
    LessOrEqual,
    Multiply,
    NotEqual,
    Remainder,
    Subtract,
}

/// What is evaluated for each item of something.
#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) range: Expr,
    pub(super) variable: Box<str>,
    /// Which items of a map there are; all if there is none.
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    OptFlatMap,
    OptMap,
}

impl Expr {
    /// Whether it refers only to what there is.
    pub(super) fn check(&self, names: &[&str]) -> Result<(), CelError> {
        let mut scope = names.to_vec();
        self.check_in(&mut scope)
    }

    fn check_in<'a>(&'a self, scope: &mut Vec<&'a str>) -> Result<(), CelError> {
        let undeclared = |name: &str| Err(CelError::Undeclared(name.to_owned()));
        match self {
            Self::Literal(_) => Ok(()),
            Self::Name(name) => {
                if scope.contains(&&**name) || functions::type_named(name).is_some() {
                    return Ok(());
                }
                undeclared(name)
            }
            Self::And(all) | Self::Or(all) => all.iter().try_for_each(|one| one.check_in(scope)),
            Self::Call(name, arguments) => {
                if !functions::is_function(name) {
                    return undeclared(name);
                }
                arguments.iter().try_for_each(|one| one.check_in(scope))
            }
            Self::Method(of, name, arguments) => {
                of.check_in(scope)?;
                if !functions::is_method(name) {
                    return undeclared(name);
                }
                arguments.iter().try_for_each(|one| one.check_in(scope))
            }
            Self::Has(of, _) | Self::Negate(of) | Self::Not(of) | Self::Select { of, .. } => {
                of.check_in(scope)
            }
            Self::Binary(_, both) | Self::Index { of: both, .. } => {
                both.0.check_in(scope)?;
                both.1.check_in(scope)
            }
            Self::Conditional(parts) => {
                parts.0.check_in(scope)?;
                parts.1.check_in(scope)?;
                parts.2.check_in(scope)
            }
            Self::List(items) => items.iter().try_for_each(|one| one.value.check_in(scope)),
            Self::Map(entries) => entries.iter().try_for_each(|(key, item)| {
                key.check_in(scope)?;
                item.value.check_in(scope)
            }),
            Self::Macro(of) => {
                of.range.check_in(scope)?;
                scope.push(&of.variable);
                let filter = of.filter.iter().try_for_each(|one| one.check_in(scope));
                let checked = filter.and_then(|()| of.body.check_in(scope));
                scope.pop();
                checked
            }
        }
    }
}
