use super::ast::{Expr, Item, Literal, Macro, MacroKind, Operator};
use super::lexer::{Placed, Token, tokens, wrong};
use super::{CelError, DEPTH_MAX, TEXT_MAX};

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, CelError> {
    if text.len() > TEXT_MAX {
        let what = format!("expression is longer than {TEXT_MAX} bytes");
        return Err(wrong(text, 0, what));
    }
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let node = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(node.expr),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    /// How many expressions are open.
    depth: usize,
}

/// An expression and how deep it is.
struct Node {
    expr: Expr,
    depth: usize,
}

type Parsed = Result<Node, CelError>;

/// Operators of the same rank, from the loosest on, below `&&`.
const RANKS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Remainder),
    ],
];

/// Names that nothing else may have.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "while",
];

impl Parser<'_> {
    fn unexpected(&self) -> CelError {
        let at = self
            .tokens
            .get(self.at)
            .map_or(self.text.len(), |one| one.0);
        let what = match self.tokens.get(self.at) {
            Some((_, Token::Sign(sign))) => format!("Syntax error: mismatched input '{sign}'"),
            Some((_, Token::Name(name))) => format!("Syntax error: mismatched input '{name}'"),
            Some(_) => "Syntax error: mismatched input".to_owned(),
            None => "Syntax error: mismatched input '<EOF>'".to_owned(),
        };
        wrong(self.text, at, what)
    }

    fn is_next(&self, sign: &str) -> bool {
        match self.tokens.get(self.at) {
            Some((_, Token::Sign(next))) => *next == sign,
            // `in` is a sign that looks like a name.
            Some((_, Token::Name(next))) => sign == "in" && next == "in",
            _ => false,
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let taken = self.is_next(sign);
        self.at += usize::from(taken);
        taken
    }

    fn expects(&mut self, sign: &str) -> Result<(), CelError> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn name(&mut self) -> Result<Box<str>, CelError> {
        match self.tokens.get(self.at) {
            Some((_, Token::Name(name))) => {
                let name = name.as_str().into();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn node(&self, expr: Expr, inside: usize) -> Parsed {
        let depth = inside + 1;
        if depth > DEPTH_MAX {
            return Err(self.too_deep());
        }
        Ok(Node { expr, depth })
    }

    fn too_deep(&self) -> CelError {
        let at = self
            .tokens
            .get(self.at)
            .map_or(self.text.len(), |one| one.0);
        let what = format!("expression recursion limit exceeded: {DEPTH_MAX}");
        wrong(self.text, at, what)
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.too_deep());
        }
        let condition = self.logical(true)?;
        let node = if self.takes("?") {
            let yes = self.logical(true)?;
            self.expects(":")?;
            let no = self.expression()?;
            let depth = condition.depth.max(yes.depth).max(no.depth);
            let parts = Box::new((condition.expr, yes.expr, no.expr));
            self.node(Expr::Conditional(parts), depth)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    /// `||` of `&&`s, or one of these.
    fn logical(&mut self, or: bool) -> Parsed {
        let mut operands = Vec::new();
        let mut depth = 0;
        loop {
            let node = if or {
                self.logical(false)?
            } else {
                self.binary(0)?
            };
            depth = depth.max(node.depth);
            operands.push(node.expr);
            if !self.takes(if or { "||" } else { "&&" }) {
                break;
            }
        }
        if operands.len() > 1 {
            let of = if or { Expr::Or } else { Expr::And };
            return self.node(of(operands), depth);
        }
        match operands.pop() {
            Some(expr) => Ok(Node { expr, depth }),
            None => Err(self.unexpected()),
        }
    }

    fn binary(&mut self, rank: usize) -> Parsed {
        let Some(operators) = RANKS.get(rank) else {
            return self.unary();
        };
        let mut left = self.binary(rank + 1)?;
        loop {
            let mut operators = operators.iter();
            let Some((sign, operator)) = operators.find(|(sign, _)| self.is_next(sign)) else {
                return Ok(left);
            };
            self.expects(sign)?;
            let right = self.binary(rank + 1)?;
            let depth = left.depth.max(right.depth);
            let both = Box::new((left.expr, right.expr));
            left = self.node(Expr::Binary(*operator, both), depth)?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let mut signs = 0;
        let negates = self.is_next("-");
        while self.takes(if negates { "-" } else { "!" }) {
            signs += 1;
        }
        // The smallest integer has no positive counterpart.
        if negates && let Some((_, Token::Int(number))) = self.tokens.get(self.at) {
            let number = 0_i64.checked_sub_unsigned(*number);
            let number = number.ok_or_else(|| self.unexpected())?;
            self.at += 1;
            let literal = Expr::Literal(Literal::Int(number));
            let node = self.node(literal, 0)?;
            let node = self.selected(node)?;
            return self.wrapped(node, signs - 1, Expr::Negate);
        }
        let node = self.member()?;
        self.wrapped(node, signs, if negates { Expr::Negate } else { Expr::Not })
    }

    fn wrapped(&self, node: Node, times: usize, of: fn(Box<Expr>) -> Expr) -> Parsed {
        // Two of them are none, but for what they refuse.
        let times = if times > 2 { 2 - times % 2 } else { times };
        let mut node = node;
        for _ in 0..times {
            node = self.node(of(Box::new(node.expr)), node.depth)?;
        }
        Ok(node)
    }

    fn member(&mut self) -> Parsed {
        let node = self.primary()?;
        self.selected(node)
    }

    /// What is behind an expression: fields, indices, calls.
    fn selected(&mut self, mut node: Node) -> Parsed {
        loop {
            if self.takes(".?") {
                let field = self.name()?;
                let of = Box::new(node.expr);
                let optional = true;
                let expr = Expr::Select {
                    of,
                    field,
                    optional,
                };
                node = self.node(expr, node.depth)?;
            } else if self.takes(".") {
                let field = self.name()?;
                if self.takes("(") {
                    let arguments = self.list(")")?;
                    node = self.method(node, field, arguments)?;
                    continue;
                }
                let of = Box::new(node.expr);
                let optional = false;
                let expr = Expr::Select {
                    of,
                    field,
                    optional,
                };
                node = self.node(expr, node.depth)?;
            } else if self.is_next("[") || self.is_next("[?") {
                let optional = self.takes("[?");
                if !optional {
                    self.expects("[")?;
                }
                let index = self.expression()?;
                self.expects("]")?;
                let depth = node.depth.max(index.depth);
                let of = Box::new((node.expr, index.expr));
                node = self.node(Expr::Index { of, optional }, depth)?;
            } else {
                return Ok(node);
            }
        }
    }

    /// Expressions up to a sign.
    fn list(&mut self, end: &str) -> Result<Vec<Node>, CelError> {
        let mut nodes = Vec::new();
        while !self.takes(end) {
            nodes.push(self.expression()?);
            if !self.takes(",") {
                self.expects(end)?;
                break;
            }
        }
        Ok(nodes)
    }

    fn method(&mut self, of: Node, name: Box<str>, arguments: Vec<Node>) -> Parsed {
        let depth = arguments.iter().map(|one| one.depth).max();
        let depth = depth.unwrap_or(0).max(of.depth);
        let mut expressions: Vec<Expr> = arguments.into_iter().map(|one| one.expr).collect();
        let kind = match (&*name, expressions.len()) {
            ("all", 2) => Some(MacroKind::All),
            ("exists", 2) => Some(MacroKind::Exists),
            ("exists_one" | "existsOne", 2) => Some(MacroKind::ExistsOne),
            ("filter", 2) => Some(MacroKind::Filter),
            ("map", 2 | 3) => Some(MacroKind::Map),
            ("optMap", 2) => Some(MacroKind::OptMap),
            ("optFlatMap", 2) => Some(MacroKind::OptFlatMap),
            _ => None,
        };
        let Some(kind) = kind else {
            let expr = Expr::Method(Box::new(of.expr), name, expressions);
            return self.node(expr, depth);
        };
        let body = expressions.pop();
        let filter = (expressions.len() > 1).then(|| expressions.pop()).flatten();
        let (Some(Expr::Name(variable)), Some(body)) = (expressions.pop(), body) else {
            let at = self
                .tokens
                .get(self.at)
                .map_or(self.text.len(), |one| one.0);
            return Err(wrong(self.text, at, "argument must be a simple name"));
        };
        let range = of.expr;
        let of = Macro {
            kind,
            range,
            variable,
            filter,
            body,
        };
        self.node(Expr::Macro(Box::new(of)), depth)
    }

    fn primary(&mut self) -> Parsed {
        if self.takes("(") {
            let node = self.expression()?;
            self.expects(")")?;
            return Ok(node);
        }
        if self.is_next("[") || self.is_next("[?") {
            return self.list_literal();
        }
        if self.takes("{") {
            return self.map_literal();
        }
        let Some((_, token)) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected());
        };
        let literal = match token {
            Token::Name(name) => match name.as_str() {
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                "null" => Literal::Null,
                _ => return self.named(),
            },
            Token::Bytes(bytes) => Literal::Bytes(bytes),
            Token::Double(double) => Literal::Double(double),
            Token::Int(int) => Literal::Int(i64::try_from(int).map_err(|_| self.unexpected())?),
            Token::Text(text) => Literal::Text(text),
            Token::Uint(uint) => Literal::Uint(uint),
            Token::Sign(_) => return Err(self.unexpected()),
        };
        self.at += 1;
        self.node(Expr::Literal(literal), 0)
    }

    /// A variable, or a call.
    fn named(&mut self) -> Parsed {
        let start = self.at;
        let mut name = self.name()?;
        if RESERVED.contains(&&*name) {
            self.at = start;
            return Err(self.unexpected());
        }
        if &*name == "optional" && self.is_next(".") {
            // A function's name may have a point in it.
            self.expects(".")?;
            name = format!("optional.{}", self.name()?).into();
            if !self.is_next("(") {
                return Err(self.unexpected());
            }
        }
        if !self.takes("(") {
            return self.node(Expr::Name(name), 0);
        }
        let mut arguments = self.list(")")?;
        if &*name == "has" && arguments.len() == 1 {
            let argument = arguments.pop();
            return match argument.map(|one| (one.expr, one.depth)) {
                Some((
                    Expr::Select {
                        of,
                        field,
                        optional: false,
                    },
                    depth,
                )) => self.node(Expr::Has(of, field), depth),
                _ => Err(wrong(
                    self.text,
                    self.tokens.get(start).map_or(0, |one| one.0),
                    "invalid argument to has() macro",
                )),
            };
        }
        let depth = arguments.iter().map(|one| one.depth).max().unwrap_or(0);
        let arguments = arguments.into_iter().map(|one| one.expr).collect();
        self.node(Expr::Call(name, arguments), depth)
    }

    fn list_literal(&mut self) -> Parsed {
        let mut items = Vec::new();
        let mut depth = 0;
        // The sign of a list whose first item is optional is one of its own.
        let mut optional = self.takes("[?");
        if !optional {
            self.expects("[")?;
        }
        while optional || !self.takes("]") {
            optional |= self.takes("?");
            let node = self.expression()?;
            depth = depth.max(node.depth);
            let value = node.expr;
            items.push(Item { value, optional });
            optional = false;
            if !self.takes(",") {
                self.expects("]")?;
                break;
            }
        }
        self.node(Expr::List(items), depth)
    }

    fn map_literal(&mut self) -> Parsed {
        let mut entries = Vec::new();
        let mut depth = 0;
        while !self.takes("}") {
            let optional = self.takes("?");
            let key = self.expression()?;
            self.expects(":")?;
            let value = self.expression()?;
            depth = depth.max(key.depth).max(value.depth);
            let value = value.expr;
            entries.push((key.expr, Item { value, optional }));
            if !self.takes(",") {
                self.expects("}")?;
                break;
            }
        }
        self.node(Expr::Map(entries), depth)
    }
}
