//! Google's Common Expression Language, as far as rules about Kubernetes objects
//! use it: the standard operators, functions and macros, the extensions for
//! strings, lists, regular expressions, quantities and optional values.
//!
//! Whoever writes a work writes expressions, so that everything is bounded: the
//! text, its nesting, and how many steps an evaluation takes. What is made costs
//! steps by its size, which bounds memory as well. Nothing here panics, recurses
//! deeper than the nesting, or calls out.
//!
//! There is no type checker: what Google's finds when it compiles is found here
//! when it is evaluated, if it is reached.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operation names the types it takes; of any other it is an error"
)]

use serde_json::Value as Json;

mod ast;
mod compare;
mod error;
mod eval;
mod functions;
mod lexer;
mod macros;
mod operators;
mod parser;
mod value;

pub use error::CelError;
pub use functions::Quantity;
pub use value::{List, Map, Text, Value};

use ast::Expr;
use eval::Machine;

/// The longest expression, in bytes.
pub const TEXT_MAX: usize = 16 << 10;

/// How deep expressions nest in each other.
pub const DEPTH_MAX: usize = 64;

/// Steps of one evaluation, as Kubernetes limits it.
pub const STEPS_MAX: u64 = 1_000_000;

/// An expression that can be evaluated.
#[derive(Clone, Debug)]
pub struct Program {
    expr: Expr,
    names: Vec<Box<str>>,
}

/// Steps that several evaluations share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget(u64);

impl Budget {
    /// Of so many steps.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// The steps left.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.0
    }
}

impl Default for Budget {
    /// What Kubernetes gives the rules of one object.
    fn default() -> Self {
        Self(10 * STEPS_MAX)
    }
}

impl Program {
    /// Reads an expression that may refer to variables of these names.
    ///
    /// # Errors
    /// If it is longer or deeper than the limits, is no expression, or refers to
    /// something that there is not.
    pub fn new(text: &str, names: &[&str]) -> Result<Self, CelError> {
        let expr = parser::parse(text)?;
        expr.check(names)?;
        Ok(Self {
            expr,
            names: names.iter().map(|name| (*name).into()).collect(),
        })
    }

    /// The expression's value, of the variables' values in the names' order. A
    /// variable without a value is null.
    ///
    /// # Errors
    /// If it has none, or takes more than [`STEPS_MAX`] steps or those of the
    /// budget.
    pub fn run<'a>(
        &'a self,
        values: &[&'a Json],
        budget: &mut Budget,
    ) -> Result<Value<'a>, CelError> {
        let names = self.names.iter().map(|name| &**name);
        let values = values.iter().map(|value| Value::from(*value));
        let steps = budget.0.min(STEPS_MAX);
        let mut machine = Machine::new(steps, names.zip(values).collect());
        let value = machine.eval(&self.expr);
        budget.0 -= steps - machine.left();
        value
    }
}

#[cfg(test)]
mod tests;
