use super::CelError;
use super::ast::{Expr, Macro, MacroKind};
use super::eval::{Evaluated, Machine};
use super::value::{List, Value};

impl<'a> Machine<'a> {
    /// Evaluates something for each item of a list or key of a map.
    pub(super) fn run_macro(&mut self, of: &'a Macro) -> Evaluated<'a> {
        let range = self.eval(&of.range)?;
        if let MacroKind::OptMap | MacroKind::OptFlatMap = of.kind {
            let Value::Optional(found) = range else {
                return Err(CelError::NoSuchOverload);
            };
            let Some(found) = found else {
                return Ok(Value::Optional(None));
            };
            let value = self.with(of, &of.body, (*found).clone())?;
            return match (of.kind, &value) {
                (MacroKind::OptFlatMap, Value::Optional(_)) => Ok(value),
                (MacroKind::OptFlatMap, _) => Err(CelError::NoSuchOverload),
                _ => Ok(Value::optional(Some(value))),
            };
        }
        let items = match range {
            Value::List(list) => list,
            Value::Map(map) => {
                self.charge_for(map.len())?;
                let keys = map.entries().into_iter().map(|(key, _)| key);
                List::Owned(keys.collect())
            }
            _ => return Err(CelError::NoSuchOverload),
        };
        match of.kind {
            MacroKind::All => self.any(of, &items, false),
            MacroKind::Exists => self.any(of, &items, true),
            MacroKind::ExistsOne => {
                let mut holds = 0;
                for item in items.iter() {
                    holds += usize::from(self.holds(of, &of.body, item)?);
                }
                Ok(Value::Bool(holds == 1))
            }
            MacroKind::Filter => {
                let mut kept = Vec::new();
                for item in items.iter() {
                    if self.holds(of, &of.body, item.clone())? {
                        kept.push(item);
                    }
                }
                Ok(Value::list(kept))
            }
            MacroKind::Map | MacroKind::OptFlatMap | MacroKind::OptMap => {
                let mut mapped = Vec::new();
                for item in items.iter() {
                    if let Some(filter) = &of.filter
                        && !self.holds(of, filter, item.clone())?
                    {
                        continue;
                    }
                    mapped.push(self.with(of, &of.body, item)?);
                }
                Ok(Value::list(mapped))
            }
        }
    }

    /// `decides` if it is that for any item, whatever goes wrong with others.
    fn any(&mut self, of: &'a Macro, items: &List<'a>, decides: bool) -> Evaluated<'a> {
        let mut error = None;
        for item in items.iter() {
            match self.holds(of, &of.body, item) {
                Ok(holds) if holds == decides => return Ok(Value::Bool(decides)),
                Ok(_) => {}
                Err(failed) if failed.is_final() => return Err(failed),
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn holds(&mut self, of: &'a Macro, body: &'a Expr, item: Value<'a>) -> Result<bool, CelError> {
        match self.with(of, body, item)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(CelError::NoSuchOverload),
        }
    }

    fn with(&mut self, of: &'a Macro, body: &'a Expr, item: Value<'a>) -> Evaluated<'a> {
        self.variables.push((&of.variable, item));
        let value = self.eval(body);
        self.variables.pop();
        value
    }
}
