//! A conversation's messages, as lines of the screen.

use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::wrap::{cut, wrap};
use crate::chat::{
    listed,
    model::Conversation,
    operations::Draft,
    types::{Message, author},
};

const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// How the messages of a conversation are shown.
pub(super) struct History<'a> {
    pub talk: &'a Conversation,
    /// Whose messages are the viewer's own.
    pub me: &'a str,
    /// The first message that was new when the conversation was opened.
    pub new_from: Option<u64>,
    pub selected: Option<u64>,
    pub zone: &'a TimeZone,
    pub columns: usize,
}

/// What fits on the screen.
pub(super) struct Visible<'a> {
    pub lines: Vec<Line<'a>>,
    /// The first message of which something is seen.
    pub top: Option<u64>,
}

impl History<'_> {
    /// So many rows, of which the last belongs to the message `bottom`, or to
    /// what is not sent yet.
    pub fn rows(&self, rows: usize, bottom: Option<u64>, unsent: &[&Draft]) -> Visible<'static> {
        let mut blocks: Vec<Vec<Line<'static>>> = Vec::new();
        let mut taken = 0;
        if bottom.is_none() {
            for draft in unsent.iter().rev() {
                let block = self.unsent(draft);
                taken += block.len();
                blocks.push(block);
            }
        }
        let mut top = None;
        let until = bottom.unwrap_or(u64::MAX);
        let mut shown = self.talk.messages.range(..=until).rev().peekable();
        while let Some((seq, message)) = shown.next().filter(|_| taken < rows) {
            let before = shown.peek().map(|(_, before)| before.sent_at);
            let block = self.block(message, before);
            taken += block.len();
            blocks.push(block);
            top = Some(*seq);
        }
        let mut lines: Vec<_> = blocks.into_iter().rev().flatten().collect();
        lines.drain(..lines.len().saturating_sub(rows));
        Visible { lines, top }
    }

    fn block(&self, message: &Message, before: Option<Timestamp>) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let day = |at: Timestamp| at.to_zoned(self.zone.clone()).date();
        if before.is_none_or(|before| day(before) != day(message.sent_at)) {
            let date = day(message.sent_at).strftime("%A, %-d %B %Y").to_string();
            lines.push(self.rule(&date));
        }
        if self.new_from == Some(message.seq) {
            lines.push(self.rule("new"));
        }
        let (prefix, indent) = self.prefix(message);
        let room = self.columns.saturating_sub(indent);
        if let Some(reply) = &message.reply_to {
            let quoted = reply.body.as_deref().unwrap_or("(deleted)");
            let quote = format!("┌ {}: {quoted}", author(reply.sender.as_ref()));
            lines.push(Line::styled(" ".repeat(indent) + &cut(&quote, room), DIM));
        }
        lines.extend(self.body(message, prefix, indent, room));
        let reactions = message.reactions.as_deref().unwrap_or_default();
        if !reactions.is_empty() {
            let all = cut(&listed::reactions(reactions), room);
            lines.push(Line::raw(" ".repeat(indent) + &all));
        }
        if self.selected == Some(message.seq) {
            let marked = Style::new().add_modifier(Modifier::REVERSED);
            lines = lines.into_iter().map(|line| line.patch_style(marked)).collect();
        }
        lines
    }

    /// Time and name, and how far what follows is indented.
    fn prefix(&self, message: &Message) -> (Vec<Span<'static>>, usize) {
        let time = message.sent_at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string();
        let name = message.author().to_owned();
        let own = name == self.me;
        let style = Style::new().add_modifier(Modifier::BOLD);
        let style = if own { style.fg(Color::Cyan) } else { style.fg(Color::Green) };
        let width = time.width() + name.width() + 3;
        let indent = if width * 3 <= self.columns { width } else { 2 };
        (
            vec![
                Span::styled(time, DIM),
                Span::raw(" "),
                Span::styled(name, style),
                Span::raw("  "),
            ],
            indent,
        )
    }

    fn body(
        &self,
        message: &Message,
        prefix: Vec<Span<'static>>,
        indent: usize,
        room: usize,
    ) -> Vec<Line<'static>> {
        let (text, style) = match &message.body {
            None => ("(deleted)".to_owned(), DIM),
            Some(body) if message.edited_at.is_some() => {
                (format!("{} (edited)", &**body), Style::new())
            }
            Some(body) => (body.to_string(), Style::new()),
        };
        let mut texts = wrap(&text, room).into_iter();
        let mut first = Line::from(prefix);
        let mut lines = Vec::new();
        if first.width() == indent {
            first.push_span(Span::styled(texts.next().unwrap_or_default(), style));
        }
        lines.push(first);
        lines.extend(texts.map(|text| Line::styled(" ".repeat(indent) + &text, style)));
        lines
    }

    fn unsent(&self, draft: &Draft) -> Vec<Line<'static>> {
        let texts = wrap(&draft.body, self.columns.saturating_sub(8)).into_iter();
        let head = |n: usize| if n == 0 { "  …     " } else { "        " };
        texts.enumerate().map(|(n, text)| Line::styled(format!("{}{text}", head(n)), DIM)).collect()
    }

    fn rule(&self, text: &str) -> Line<'static> {
        let text = format!(" {text} ");
        let side = self.columns.saturating_sub(text.width()) / 2;
        Line::styled(format!("{0}{text}{0}", "─".repeat(side)), DIM)
    }
}
