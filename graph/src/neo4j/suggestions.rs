//! Whom one may know.

use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{PersonRow, Statement, signed, statements, text},
};
use crate::{Result, Suggestion, SuggestionsFor};

statements! {
    RANK = "suggestions/rank";
}

#[derive(Deserialize)]
struct SuggestionRow(PersonRow, u64, u64);

impl From<SuggestionRow> for Suggestion {
    fn from(SuggestionRow(person, mutual_friends, shared_groups): SuggestionRow) -> Self {
        Self { person: person.into(), mutual_friends, shared_groups }
    }
}

impl Neo4jGraph {
    pub(super) async fn suggestions(
        &self,
        asked: &[SuggestionsFor],
    ) -> Result<Vec<Vec<Suggestion>>> {
        self.shared.suggestions.ask(&self.session, asked, ranked).await
    }
}

async fn ranked(session: Session, asked: Vec<SuggestionsFor>) -> Result<Vec<Vec<Suggestion>>> {
    let most = asked.iter().map(|asked| asked.limit).max().unwrap_or_default();
    let questions = asked.iter().map(|asked| [("viewer", text(asked.viewer).into())]);
    let rank = RANK.asked(questions).bind("limit", signed(most));
    let lists = session.answer_each::<Vec<SuggestionRow>>(rank).await?;
    let lists = lists.into_iter().map(Option::unwrap_or_default).zip(asked);
    Ok(lists
        .map(|(list, asked)| list.into_iter().take(asked.limit).map(Suggestion::from).collect())
        .collect())
}
