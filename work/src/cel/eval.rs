use super::ast::{Expr, Literal, Operator};
use super::value::{List, Map, Text, Value};
use super::{CelError, functions, operators};

/// What evaluates one expression.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    steps: u64,
    /// The innermost last.
    pub(super) variables: Vec<(&'a str, Value<'a>)>,
}

pub(super) type Evaluated<'a> = Result<Value<'a>, CelError>;

/// So many bytes or items are handled in one step.
const STEP_SIZE: usize = 10;

impl<'a> Machine<'a> {
    pub(super) const fn new(steps: u64, variables: Vec<(&'a str, Value<'a>)>) -> Self {
        Self { steps, variables }
    }

    pub(super) const fn left(&self) -> u64 {
        self.steps
    }

    /// Takes steps, or what is left of them.
    pub(super) const fn charge(&mut self, steps: u64) -> Result<(), CelError> {
        if self.steps < steps {
            self.steps = 0;
            return Err(CelError::Budget);
        }
        self.steps -= steps;
        Ok(())
    }

    /// Takes steps for something of a size.
    pub(super) const fn charge_for(&mut self, size: usize) -> Result<(), CelError> {
        self.charge((size / STEP_SIZE) as u64)
    }

    pub(super) fn eval(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        self.charge(1)?;
        match expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Name(name) => self.variable(name),
            Expr::And(operands) => self.logical(operands, false),
            Expr::Or(operands) => self.logical(operands, true),
            Expr::Not(of) => match self.eval(of)? {
                Value::Bool(bool) => Ok(Value::Bool(!bool)),
                _ => Err(CelError::NoSuchOverload),
            },
            Expr::Negate(of) => operators::negate(&self.eval(of)?),
            Expr::Binary(operator, both) => {
                let left = self.eval(&both.0)?;
                let right = self.eval(&both.1)?;
                self.binary(*operator, &left, &right)
            }
            Expr::Conditional(parts) => match self.eval(&parts.0)? {
                Value::Bool(true) => self.eval(&parts.1),
                Value::Bool(false) => self.eval(&parts.2),
                _ => Err(CelError::NoSuchOverload),
            },
            Expr::Select {
                of,
                field,
                optional,
            } => {
                let of = self.eval(of)?;
                self.at(&of, &Value::Text(Text::Borrowed(field)), *optional)
            }
            Expr::Has(of, field) => {
                let of = self.eval(of)?;
                let field = Value::Text(Text::Borrowed(field));
                match self.at(&of, &field, true)? {
                    Value::Optional(found) => Ok(Value::Bool(found.is_some())),
                    _ => Err(CelError::NoSuchOverload),
                }
            }
            Expr::Index { of, optional } => {
                let index = self.eval(&of.1)?;
                let of = self.eval(&of.0)?;
                self.at(&of, &index, *optional)
            }
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.eval(&item.value)?;
                    list.extend(present(value, item.optional)?);
                }
                Ok(Value::list(list))
            }
            Expr::Map(_) => self.map_literal(expr),
            Expr::Macro(of) => self.run_macro(of),
            Expr::Call(name, arguments) => {
                let arguments = self.all(arguments)?;
                functions::call(self, name, &arguments)
            }
            Expr::Method(of, name, arguments) => {
                let of = self.eval(of)?;
                // What would be taken is not evaluated where it is not.
                if let (Value::Optional(found), "or" | "orValue", [other]) =
                    (&of, &**name, arguments.as_slice())
                {
                    return match found {
                        Some(_) if &**name == "or" => Ok(of),
                        Some(value) => Ok((**value).clone()),
                        None => self.eval(other),
                    };
                }
                let arguments = self.all(arguments)?;
                functions::method(self, &of, name, &arguments)
            }
        }
    }

    fn all(&mut self, all: &'a [Expr]) -> Result<Vec<Value<'a>>, CelError> {
        all.iter().map(|one| self.eval(one)).collect()
    }

    fn literal(&mut self, literal: &'a Literal) -> Evaluated<'a> {
        Ok(match literal {
            Literal::Bool(bool) => Value::Bool(*bool),
            Literal::Bytes(bytes) => {
                self.charge_for(bytes.len())?;
                Value::Bytes(bytes.as_slice().into())
            }
            Literal::Double(double) => Value::Double(*double),
            Literal::Int(int) => Value::Int(*int),
            Literal::Null => Value::Null,
            Literal::Text(text) => Value::Text(Text::Borrowed(text)),
            Literal::Uint(uint) => Value::Uint(*uint),
        })
    }

    fn variable(&self, name: &str) -> Evaluated<'a> {
        let mut innermost = self.variables.iter().rev();
        if let Some((_, value)) = innermost.find(|(one, _)| *one == name) {
            return Ok(value.clone());
        }
        match functions::type_named(name) {
            Some(name) => Ok(Value::Type(name)),
            None => Err(CelError::Undeclared(name.to_owned())),
        }
    }

    /// `decides` if any operand is that, whatever goes wrong with others.
    fn logical(&mut self, operands: &'a [Expr], decides: bool) -> Evaluated<'a> {
        let mut error = None;
        for operand in operands {
            match self.eval(operand) {
                Ok(Value::Bool(bool)) if bool == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or(Some(CelError::NoSuchOverload)),
                Err(failed) if failed.is_final() => return Err(failed),
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn binary(&mut self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
        use std::cmp::Ordering::{Greater, Less};
        let order = match operator {
            Operator::Equal => return self.equal(left, right).map(Value::Bool),
            Operator::NotEqual => return self.equal(left, right).map(|same| Value::Bool(!same)),
            Operator::In => return self.is_in(left, right).map(Value::Bool),
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => return operators::arithmetic(self, operator, left, right),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => self.order(left, right)?,
        };
        // A number that is none is not less, equal or greater.
        Ok(Value::Bool(order.is_some_and(|order| match operator {
            Operator::Less => order == Less,
            Operator::LessOrEqual => order != Greater,
            Operator::Greater => order == Greater,
            _ => order != Less,
        })))
    }

    fn is_in(&mut self, one: &Value<'_>, of: &Value<'_>) -> Result<bool, CelError> {
        match of {
            Value::List(List::Json(items)) => {
                for item in *items {
                    if self.equal(one, &Value::from(item))? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::List(list) => {
                for item in list.iter() {
                    if self.equal(one, &item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Map(map) => {
                self.charge_for(map.len())?;
                Ok(map.get(one).is_some())
            }
            _ => Err(CelError::NoSuchOverload),
        }
    }

    /// The value at a key or index. If it is optional, or what it is of, it may
    /// lack.
    fn at(&mut self, of: &Value<'a>, key: &Value<'_>, optional: bool) -> Evaluated<'a> {
        if let Value::Optional(of) = of {
            let Some(of) = of else {
                return Ok(Value::Optional(None));
            };
            return self.at(of, key, true);
        }
        let found = match of {
            Value::Map(map) => {
                if let Map::Owned(entries) = map {
                    self.charge_for(entries.len())?;
                }
                map.get(key)
            }
            Value::List(list) => match key.whole() {
                Some(index) => usize::try_from(index).ok().and_then(|at| list.get(at)),
                None => return Err(CelError::NoSuchOverload),
            },
            _ => return Err(CelError::NoSuchOverload),
        };
        if optional {
            return Ok(Value::optional(found));
        }
        found.ok_or_else(|| match of {
            Value::List(_) => CelError::Index(functions::display(key)),
            _ => CelError::NoSuchKey(functions::display(key)),
        })
    }

    fn map_literal(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        let Expr::Map(written) = expr else {
            return Err(CelError::NoSuchOverload);
        };
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(written.len());
        for (key, item) in written {
            let key = self.eval(key)?;
            if !key.is_key() {
                return Err(CelError::Invalid("unsupported key type".to_owned()));
            }
            for (other, _) in &entries {
                if self.equal(other, &key)? {
                    let what = format!("Failed with repeated key: {}", functions::display(&key));
                    return Err(CelError::Invalid(what));
                }
            }
            let value = self.eval(&item.value)?;
            let value = present(value, item.optional)?;
            entries.extend(value.map(|value| (key, value)));
        }
        Ok(Value::Map(Map::Owned(entries.into())))
    }
}

/// The value of an item, which may lack if it is optional.
fn present(value: Value<'_>, optional: bool) -> Result<Option<Value<'_>>, CelError> {
    match value {
        Value::Optional(value) if optional => Ok(value.map(|value| (*value).clone())),
        _ if optional => Err(CelError::NoSuchOverload),
        value => Ok(Some(value)),
    }
}
