//! Reads documents as GraphQL, September 2025, section 2 and appendix B have them.
//!
//! The parser of async-graphql takes what is none, as `query () { a }`, and not all that is one:
//! comments, spaces and escapes in some places, and descriptions. The others that are to be had do
//! not read all of it either, and are as lax.

mod definitions;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use apollo_parser::TokenKind;
use async_graphql::{
    Name, Positioned, ServerResult,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, FragmentSpread, InlineFragment,
        OperationDefinition, OperationType, Selection, SelectionSet, TypeCondition,
        VariableDefinition,
    },
};
use async_graphql_value::Value as Literal;

use self::{
    definitions::Definitions,
    tokens::{Token, Tokens},
    values::Within,
};

#[cfg(test)]
pub(super) use self::tests::bare;

const ROUND: [TokenKind; 2] = [TokenKind::LParen, TokenKind::RParen];
const CURLY: [TokenKind; 2] = [TokenKind::LCurly, TokenKind::RCurly];

/// The document of which this is the text.
///
/// # Errors
///
/// Where it is none, beyond 2,000 tokens, 64 levels of brackets and 256 letters of a name, where
/// a field of an input object is given twice (section 5.6.3), two operations or two fragments have one
/// name or an operation without a name is not alone (5.2.2 and 5.5.1.1). Errors say where, and show
/// nothing of the text but names.
pub fn parse(text: &str) -> ServerResult<ExecutableDocument> {
    let mut parser = Parser { tokens: Tokens::new(text)? };
    let mut definitions = Definitions::default();
    while parser.tokens.next().kind != TokenKind::Eof {
        parser.definition(&mut definitions)?;
    }
    definitions.document()
}

/// Reads from left to right, and looks no further than at the next token.
struct Parser<'a> {
    tokens: Tokens<'a>,
}

impl Parser<'_> {
    fn definition(&mut self, definitions: &mut Definitions) -> ServerResult<()> {
        let is_described = self.tokens.take_if(TokenKind::StringValue)?.is_some();
        let Token { kind, text, pos } = self.tokens.next();
        let operation = match (kind, text) {
            (TokenKind::LCurly, _) if !is_described => {
                let operation = OperationDefinition {
                    ty: OperationType::Query,
                    variable_definitions: Vec::new(),
                    directives: Vec::new(),
                    selection_set: self.selection_set()?,
                };
                return definitions.add_operation(None, Positioned::new(operation, pos));
            }
            (TokenKind::Name, "query") => OperationType::Query,
            (TokenKind::Name, "mutation") => OperationType::Mutation,
            (TokenKind::Name, "subscription") => OperationType::Subscription,
            (TokenKind::Name, "fragment") => {
                self.tokens.take()?;
                let (name, fragment) = self.fragment_definition()?;
                return definitions.add_fragment(name, Positioned::new(fragment, pos));
            }
            _ => return Err(self.tokens.expected("an operation or a fragment")),
        };
        self.tokens.take()?;
        let (name, operation) = self.operation_definition(operation)?;
        definitions.add_operation(name, Positioned::new(operation, pos))
    }

    fn operation_definition(
        &mut self,
        ty: OperationType,
    ) -> ServerResult<(Option<Name>, OperationDefinition)> {
        let name = self.tokens.take_if(TokenKind::Name)?.map(|name| Name::new(name.text));
        let variable_definitions = self.bracketed(ROUND, Self::variable_definition)?;
        let directives = self.directives(Within::Selections)?;
        let selection_set = self.selection_set()?;
        Ok((name, OperationDefinition { ty, variable_definitions, directives, selection_set }))
    }

    fn variable_definition(&mut self) -> ServerResult<Positioned<VariableDefinition>> {
        self.tokens.take_if(TokenKind::StringValue)?;
        let pos = self.tokens.next().pos;
        let name = self.variable()?;
        self.colon()?;
        let var_type = self.type_reference()?;
        let has_default = self.tokens.take_if(TokenKind::Eq)?.is_some();
        let default_value = has_default.then(|| self.constant()).transpose()?;
        let directives = self.directives(Within::Definition)?;
        let definition = VariableDefinition { name, var_type, directives, default_value };
        Ok(Positioned::new(definition, pos))
    }

    fn fragment_definition(&mut self) -> ServerResult<(Name, FragmentDefinition)> {
        if self.is_on() {
            return Err(self.tokens.expected("the name of a fragment"));
        }
        let name = self.name("the name of a fragment")?.node;
        let type_condition = self.type_condition()?;
        let type_condition = type_condition.ok_or_else(|| self.tokens.expected("\"on\""))?;
        let directives = self.directives(Within::Selections)?;
        let selection_set = self.selection_set()?;
        Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
    }

    fn selection_set(&mut self) -> ServerResult<Positioned<SelectionSet>> {
        let pos = self.tokens.next().pos;
        let items = self.bracketed(CURLY, Self::selection)?;
        if items.is_empty() {
            return Err(self.tokens.expected("\"{\""));
        }
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> ServerResult<Positioned<Selection>> {
        let pos = self.tokens.next().pos;
        let selection = if self.tokens.take_if(TokenKind::Spread)?.is_none() {
            Selection::Field(Positioned::new(self.field()?, pos))
        } else if self.tokens.next().kind == TokenKind::Name && !self.is_on() {
            let fragment_name = self.name("the name of a fragment")?;
            let directives = self.directives(Within::Selections)?;
            let spread = FragmentSpread { fragment_name, directives };
            Selection::FragmentSpread(Positioned::new(spread, pos))
        } else {
            let type_condition = self.type_condition()?;
            let directives = self.directives(Within::Selections)?;
            let selection_set = self.selection_set()?;
            let fragment = InlineFragment { type_condition, directives, selection_set };
            Selection::InlineFragment(Positioned::new(fragment, pos))
        };
        Ok(Positioned::new(selection, pos))
    }

    fn field(&mut self) -> ServerResult<Field> {
        let first = self.name("a field")?;
        let (alias, name) = match self.tokens.take_if(TokenKind::Colon)? {
            Some(_) => (Some(first), self.name("a field")?),
            None => (None, first),
        };
        let arguments = self.arguments(Within::Selections)?;
        let directives = self.directives(Within::Selections)?;
        let has_more = self.tokens.next().kind == TokenKind::LCurly;
        let selection_set = if has_more { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn type_condition(&mut self) -> ServerResult<Option<Positioned<TypeCondition>>> {
        if !self.is_on() {
            return Ok(None);
        }
        let pos = self.tokens.take()?.pos;
        Ok(Some(Positioned::new(TypeCondition { on: self.name("a type")? }, pos)))
    }

    fn directives(&mut self, within: Within) -> ServerResult<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while let Some(Token { pos, .. }) = self.tokens.take_if(TokenKind::At)? {
            let name = self.name("the name of a directive")?;
            let arguments = self.arguments(within)?;
            directives.push(Positioned::new(Directive { name, arguments }, pos));
        }
        Ok(directives)
    }

    fn arguments(
        &mut self,
        within: Within,
    ) -> ServerResult<Vec<(Positioned<Name>, Positioned<Literal>)>> {
        self.bracketed(ROUND, |parser| {
            let name = parser.name("the name of an argument")?;
            parser.colon()?;
            Ok((name, parser.value(within)?))
        })
    }

    /// One or more of these where the opening bracket comes next, or else none.
    fn bracketed<T>(
        &mut self,
        [open, close]: [TokenKind; 2],
        mut item: impl FnMut(&mut Self) -> ServerResult<T>,
    ) -> ServerResult<Vec<T>> {
        let mut items = Vec::new();
        if self.tokens.take_if(open)?.is_some() {
            items.push(item(self)?);
            while self.tokens.take_if(close)?.is_none() {
                items.push(item(self)?);
            }
        }
        Ok(items)
    }

    fn name(&mut self, what: &str) -> ServerResult<Positioned<Name>> {
        let name = self.tokens.expect(TokenKind::Name, what)?;
        Ok(Positioned::new(Name::new(name.text), name.pos))
    }

    fn colon(&mut self) -> ServerResult<()> {
        self.tokens.expect(TokenKind::Colon, "\":\"").map(drop)
    }

    /// Whether the next token is what no fragment is called.
    fn is_on(&self) -> bool {
        let next = self.tokens.next();
        next.kind == TokenKind::Name && next.text == "on"
    }
}
