//! Documents that were parsed lately.

use std::sync::Arc;

use async_graphql::{Request, ServerResult, parser::types::ExecutableDocument};
use moka::sync::Cache;

use super::persisted::Persisted;
use crate::api::graphql::parser;

/// A bounded cache of documents, by their texts. Clients send the same ones
/// again and again, and to copy one takes a sixth of the time that it
/// takes to parse it. Also the texts that clients only name by their hashes.
#[derive(Clone)]
pub struct Documents {
    parsed: Cache<Arc<str>, Arc<ExecutableDocument>>,
    persisted: Persisted,
}

impl Documents {
    /// How long all texts together may be, in bytes. A document takes up to a
    /// hundred times as many as its text.
    const CAPACITY: u64 = 512 * 1024;
    /// How long the text of a document may be that is kept.
    const LONGEST: usize = 16 * 1024;

    /// The document of the request, which has it from then on.
    ///
    /// # Errors
    ///
    /// As [`parser::parse`], and where only its hash is given, which is not known.
    pub(super) fn parse<'a>(
        &self,
        request: &'a mut Request,
    ) -> ServerResult<&'a ExecutableDocument> {
        let offered = self.persisted.complete(request)?;
        self.parse_text(request)?;
        if let Some(offered) = offered {
            self.persisted.keep(offered, &request.query);
        }
        request.parsed_query()
    }

    fn parse_text(&self, request: &mut Request) -> ServerResult<()> {
        if let Some(known) = self.parsed.get(request.query.as_str()) {
            request.set_parsed_query(ExecutableDocument::clone(&known));
            return Ok(());
        }
        let document = parser::parse(&request.query)?;
        if request.query.len() <= Self::LONGEST {
            self.parsed.insert(request.query.as_str().into(), Arc::new(document.clone()));
        }
        request.set_parsed_query(document);
        Ok(())
    }
}

impl Default for Documents {
    /// An empty cache.
    fn default() -> Self {
        let parsed = Cache::builder()
            .weigher(|text: &Arc<str>, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(Self::CAPACITY)
            .build();
        Self { parsed, persisted: Persisted::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(documents: &Documents, text: &str) -> Vec<String> {
        let mut request = Request::new(text);
        let document = documents.parse(&mut request).unwrap();
        let mut names: Vec<_> = document.operations.iter().filter_map(|(name, _)| name).collect();
        names.sort();
        names.into_iter().map(ToString::to_string).collect()
    }

    fn kept(documents: &Documents) -> Vec<String> {
        documents.parsed.iter().map(|(text, _)| text.to_string()).collect()
    }

    #[test]
    fn a_text_gives_the_same_document_again() {
        let documents = Documents::default();
        let (one, two) = ("query A { one }", "query A { one } query B { two }");
        for _ in 0..2 {
            assert_eq!(names(&documents, one), ["A"]);
            assert_eq!(names(&documents, two), ["A", "B"]);
        }
        let mut kept = kept(&documents);
        kept.sort();
        assert_eq!(kept, [one, two]);
    }

    #[test]
    fn only_short_documents_are_kept_and_only_what_is_one() {
        let documents = Documents::default();
        let deep = format!("{}a{}", "{ a ".repeat(100), "}".repeat(100));
        for text in ["", "{", "{ one } }", "{ a(b: ) }", &deep] {
            for _ in 0..2 {
                assert!(documents.parse(&mut Request::new(text)).is_err(), "{text}");
            }
        }
        let mut long = format!("{{ one # {}", " ".repeat(Documents::LONGEST));
        long.push_str("\n}");
        assert!(documents.parse(&mut Request::new(&long)).is_ok());
        assert_eq!(kept(&documents), [""; 0]);
    }
}
