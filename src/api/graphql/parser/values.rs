//! Values and types.

use apollo_parser::TokenKind;
use async_graphql::{
    Name, Number, Positioned, ServerError, ServerResult, Value,
    indexmap::map::Entry,
    parser::types::{BaseType, Type},
};
use async_graphql_value::{Value as Literal, indexmap::IndexMap};

use super::{Parser, strings};

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// The selections of an operation or a fragment.
    Selections,
    /// The definition of a variable, where there are no others.
    Definition,
}

impl Parser<'_> {
    pub(super) fn value(&mut self, within: Within) -> ServerResult<Positioned<Literal>> {
        let next = self.tokens.next();
        let value = match next.kind {
            TokenKind::Dollar if within == Within::Selections => {
                Literal::Variable(self.variable()?.node)
            }
            TokenKind::LBracket => self.list(within)?,
            TokenKind::LCurly => self.object(within)?,
            TokenKind::Int | TokenKind::Float => Literal::Number(self.number()?),
            TokenKind::StringValue => {
                let said = strings::value(next.text);
                let said = said.ok_or_else(|| self.tokens.expected("a token"))?;
                self.tokens.take()?;
                Literal::String(said)
            }
            TokenKind::Name => {
                self.tokens.take()?;
                match next.text {
                    "null" => Literal::Null,
                    "true" => Literal::Boolean(true),
                    "false" => Literal::Boolean(false),
                    name => Literal::Enum(Name::new(name)),
                }
            }
            _ if within == Within::Selections => return Err(self.tokens.expected("a value")),
            _ => return Err(self.tokens.expected("a value without variables")),
        };
        Ok(Positioned::new(value, next.pos))
    }

    pub(super) fn constant(&mut self) -> ServerResult<Positioned<Value>> {
        let Positioned { node, pos } = self.value(Within::Definition)?;
        let constant = node.into_const().ok_or_else(|| self.tokens.expected("a value"))?;
        Ok(Positioned::new(constant, pos))
    }

    /// A variable, without its dollar sign.
    pub(super) fn variable(&mut self) -> ServerResult<Positioned<Name>> {
        self.tokens.expect(TokenKind::Dollar, "\"$\"")?;
        self.name("the name of a variable")
    }

    fn list(&mut self, within: Within) -> ServerResult<Literal> {
        self.tokens.take()?;
        let mut items = Vec::new();
        while self.tokens.take_if(TokenKind::RBracket)?.is_none() {
            items.push(self.value(within)?.node);
        }
        Ok(Literal::List(items))
    }

    fn object(&mut self, within: Within) -> ServerResult<Literal> {
        self.tokens.take()?;
        let mut fields = IndexMap::new();
        while self.tokens.take_if(TokenKind::RCurly)?.is_none() {
            let name = self.name("the name of a field")?;
            self.colon()?;
            let value = self.value(within)?.node;
            let Entry::Vacant(entry) = fields.entry(name.node) else {
                // Section 5.6.3; of both, only one could be kept.
                let message = "a field of an input object is given twice";
                return Err(ServerError::new(message, Some(name.pos)));
            };
            entry.insert(value);
        }
        Ok(Literal::Object(fields))
    }

    /// What is too great for an integer is near to what it says.
    fn number(&mut self) -> ServerResult<Number> {
        let text = self.tokens.next().text;
        let whole = || text.parse::<i64>().map(Number::from);
        let great = || text.parse::<u64>().map(Number::from);
        let number = whole().or_else(|_| great()).ok();
        let number = number.or_else(|| Number::from_f64(text.parse().ok()?));
        let number = number.ok_or_else(|| self.tokens.expected("a smaller number"))?;
        self.tokens.take()?;
        Ok(number)
    }

    pub(super) fn type_reference(&mut self) -> ServerResult<Positioned<Type>> {
        let pos = self.tokens.next().pos;
        let base = if self.tokens.take_if(TokenKind::LBracket)?.is_some() {
            let of = self.type_reference()?.node;
            self.tokens.expect(TokenKind::RBracket, "\"]\"")?;
            BaseType::List(Box::new(of))
        } else {
            BaseType::Named(self.name("a type")?.node)
        };
        let nullable = self.tokens.take_if(TokenKind::Bang)?.is_none();
        Ok(Positioned::new(Type { base, nullable }, pos))
    }
}
