//! What the screen looks like.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Paragraph, Wrap},
};
use unicode_width::UnicodeWidthStr;

use super::{
    board::{Board, Dialog, Purpose},
    history::History,
    keys::{EMOJI, KEYS},
    picker::Picker,
    wrap::{cut, fill, wrap},
};
use crate::chat::{
    command::HELP,
    feed::Link,
    model::{Conversation, Model},
    types::{Partner, Presence, author},
};

/// Below this width the list of conversations makes room for the one that is
/// open.
const NARROW: u16 = 64;
const LIST: u16 = 26;
/// How many rows what is written may take.
const COMPOSER: usize = 5;

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const RED: Style = Style::new().fg(Color::Red);
const MARKED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws everything.
pub(super) fn draw(board: &mut Board, frame: &mut Frame<'_>) {
    let columns = usize::from(frame.area().width.saturating_sub(2));
    let written = board.composer.lines().iter().map(|line| wrap(line, columns.max(3) - 1).len());
    let rows = written.sum::<usize>().clamp(1, COMPOSER);
    let rows = u16::try_from(rows + 2).unwrap_or(3);
    let [main, composer, status] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(rows), Constraint::Length(1)])
            .areas(frame.area());
    let list = if main.width < NARROW { 0 } else { LIST };
    let [list, open] =
        Layout::horizontal([Constraint::Length(list), Constraint::Min(1)]).areas(main);
    if list.width > 0 {
        draw_list(board, frame, list);
    }
    draw_open(board, frame, open);
    let title = purpose(board, columns.saturating_sub(2));
    board.composer.set_block(Block::new().borders(Borders::ALL).title(title));
    frame.render_widget(&board.composer, composer);
    frame.render_widget(Paragraph::new(status_line(board, usize::from(status.width))), status);
    match &board.dialog {
        Some(Dialog::Help(from)) => draw_help(frame, *from),
        Some(Dialog::Picker(picker)) => draw_picker(picker, frame),
        Some(Dialog::React(_) | Dialog::Delete(_)) | None => {}
    }
}

fn draw_list(board: &Board, frame: &mut Frame<'_>, area: Rect) {
    let block = Block::new().borders(Borders::RIGHT);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width);
    let all = board.talk.model.conversations();
    let here = all.iter().position(|(id, _)| board.talk.current.as_ref() == Some(id));
    let rows = usize::from(inner.height);
    let from = here.map_or(0, |at| (at + 1).saturating_sub(rows));
    let lines = all.iter().enumerate().skip(from).take(rows).map(|(at, (_, talk))| {
        let unread = talk.unread();
        let count = if unread > 0 { format!(" {unread}") } else { String::new() };
        let room = columns.saturating_sub(count.width() + 2);
        let sign = if is_online(talk, &board.talk.model) { "● " } else { "  " };
        let title = fill(&talk.title(), room);
        let style = match (Some(at) == here, unread > 0 && !talk.muted) {
            (true, _) => MARKED,
            (false, true) => BOLD,
            (false, false) => Style::new(),
        };
        let sign = Span::styled(sign, Style::new().fg(Color::Green));
        Line::from(vec![sign, Span::raw(title), Span::raw(count)]).style(style)
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.is_empty() && board.talk.model.me().is_some() {
        lines.push(Line::styled("F2 finds people", DIM));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn is_online(talk: &Conversation, model: &Model) -> bool {
    let Some(Partner::Peer { peer }) = &talk.partner else { return false };
    model.presence(&peer.id).is_some_and(|presence| presence.online)
}

fn draw_open(board: &mut Board, frame: &mut Frame<'_>, area: Rect) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let Some(id) = board.talk.current.clone() else {
        let text = match board.talk.model.me() {
            Some(_) => "No conversation is open: F2 finds people, F3 groups.",
            None => match &board.talk.link {
                Link::Broken(why) => why,
                Link::Connecting | Link::Live => "Connecting…",
            },
        };
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), body);
        return;
    };
    let Some(talk) = board.talk.model.conversation(&id) else { return };
    let columns = usize::from(head.width);
    let title = cut(&heading(talk, board), columns);
    frame.render_widget(Paragraph::new(title).style(BOLD), head);
    let history = History {
        talk,
        me: board.talk.model.me().map_or("", |me| &me.username),
        new_from: board.new_from,
        selected: board.selected,
        zone: &board.zone,
        columns: usize::from(body.width),
    };
    let unsent: Vec<_> = board.talk.outbox.unseen(&id).collect();
    let rows = usize::from(body.height);
    let mut bottom = board.bottom;
    let mut visible = history.rows(rows, bottom, &unsent);
    // The one that is selected is seen, if need be at the bottom.
    while let (Some(selected), Some(top), Some(last)) = (board.selected, visible.top, bottom)
        && (selected < top || (selected == top && last > selected && visible.lines.len() == rows))
        && last > selected
    {
        bottom = talk.messages.range(..last).next_back().map(|(seq, _)| *seq);
        visible = history.rows(rows, bottom, &unsent);
    }
    let missing = rows.saturating_sub(visible.lines.len());
    let missing = u16::try_from(missing).unwrap_or_default();
    let [_, shown] =
        Layout::vertical([Constraint::Length(missing), Constraint::Min(0)]).areas(body);
    board.bottom = bottom;
    board.top = visible.top;
    frame.render_widget(Paragraph::new(visible.lines), shown);
}

fn heading(talk: &Conversation, board: &Board) -> String {
    let mut text = talk.title();
    match &talk.partner {
        Some(Partner::Peer { peer }) => {
            text += &format!("  {}", &*peer.display_name);
            match board.talk.model.presence(&peer.id) {
                Some(Presence { online: true, .. }) => text += "  online",
                Some(Presence { last_seen_at: Some(at), .. }) => {
                    let at = at.to_zoned(board.zone.clone());
                    text += &at.strftime("  last seen %-d %b %H:%M").to_string();
                }
                _ => {}
            }
        }
        Some(Partner::Group { member_count, .. }) => text += &format!("  {member_count} members"),
        None => {}
    }
    if talk.muted {
        text += "  muted";
    }
    if board.bottom.is_some() && talk.unread() > 0 {
        text += &format!("  {} new below (End)", talk.unread());
    }
    if !talk.typing.is_empty() {
        let names: Vec<_> = talk.typing.iter().map(|name| &**name).collect();
        text += &format!("  — {} typing…", names.join(", "));
    }
    text
}

/// What is written, and for what.
fn purpose(board: &Board, columns: usize) -> String {
    let replied = |seq| {
        let message = board.talk.message(seq).ok();
        let text = message.as_ref().map(|message| {
            format!(
                "{}: {}",
                author(message.sender.as_ref()),
                message.body.as_deref().unwrap_or_default()
            )
        });
        text.unwrap_or_default()
    };
    match (&board.dialog, board.purpose) {
        (Some(Dialog::Delete(seq)), _) => {
            cut(&format!(" Delete for everyone? y/n — {} ", replied(*seq)), columns)
        }
        (Some(Dialog::React(_)), _) => {
            let keys = EMOJI.iter().enumerate().map(|(at, emoji)| format!("{} {emoji}", at + 1));
            format!(" {} ", keys.collect::<Vec<_>>().join("  "))
        }
        (_, Purpose::Say) => String::new(),
        (_, Purpose::Reply(seq)) => cut(&format!(" Reply (Esc: no) — {} ", replied(seq)), columns),
        (_, Purpose::Edit(_)) => " Edit (Esc: no) ".to_owned(),
    }
}

fn status_line(board: &Board, columns: usize) -> Line<'static> {
    let (state, style) = match &board.talk.link {
        Link::Live => ("● online", Style::new().fg(Color::Green)),
        Link::Connecting => ("○ connecting", Style::new().fg(Color::Yellow)),
        Link::Broken(_) => ("○ offline", RED),
    };
    let waiting = board.talk.outbox.len();
    let waiting = if waiting > 0 { format!("  {waiting} to send") } else { String::new() };
    let requests = match board.talk.model.requests.len() {
        0 => String::new(),
        one @ 1 => format!("  {one} request (F2)"),
        more => format!("  {more} requests (F2)"),
    };
    let (text, text_style) = match (&board.said, &board.talk.link) {
        (Some((text, true)), _) => (text.clone(), RED.add_modifier(Modifier::BOLD)),
        (_, Link::Broken(why)) => (why.clone(), RED),
        (Some((text, false)), _) => (text.clone(), BOLD),
        (None, _) if board.selected.is_some() && board.composer.is_empty() => {
            ("r reply  e edit  d delete  + react  Esc back".to_owned(), DIM)
        }
        (None, _) => {
            ("F1 help  Tab next  F2 people  F3 groups  F4 search  ^C quit".to_owned(), DIM)
        }
    };
    let facts = format!("{waiting}{requests}");
    let room = columns.saturating_sub(state.width() + facts.width() + 2);
    Line::from(vec![
        Span::styled(state, style),
        Span::raw(facts),
        Span::raw("  "),
        Span::styled(cut(&text, room), text_style),
    ])
}

/// A box over the middle of the screen.
fn over(frame: &mut Frame<'_>, title: &'static str, hint: &'static str) -> Rect {
    let area = frame.area();
    let (width, height) = (area.width.min(78), area.height.saturating_sub(2).max(1));
    let at =
        Rect::new((area.width - width) / 2, area.height.saturating_sub(height) / 2, width, height);
    let block = Block::new().borders(Borders::ALL).title(title).title_bottom(format!(" {hint} "));
    let inner = block.inner(at);
    frame.render_widget(Clear, at);
    frame.render_widget(block, at);
    inner
}

fn draw_help(frame: &mut Frame<'_>, from: u16) {
    let inner = over(frame, " Help ", "Down, PgDn go on  any other key closes");
    let keys = KEYS.iter().map(|(key, does)| (*key, *does));
    let commands = HELP.iter().map(|(usage, does)| (*usage, *does));
    let (width, columns) = (31, usize::from(inner.width));
    let lines = keys.chain([("", "")]).chain(commands).flat_map(|(left, right)| {
        let right = wrap(right, columns.saturating_sub(width).max(10));
        let texts = right
            .into_iter()
            .enumerate()
            .map(move |(at, text)| Line::raw(fill(if at == 0 { left } else { "" }, width) + &text));
        texts.collect::<Vec<_>>()
    });
    let lines: Vec<_> = lines.collect();
    let most = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(inner.height);
    frame.render_widget(Paragraph::new(lines).scroll((from.min(most), 0)), inner);
}

fn draw_picker(picker: &Picker, frame: &mut Frame<'_>) {
    let inner = over(frame, picker.title(), picker.hint());
    let [input, items] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let [sign, input] =
        Layout::horizontal([Constraint::Length(2), Constraint::Min(0)]).areas(input);
    frame.render_widget(Paragraph::new("> "), sign);
    frame.render_widget(&picker.input, input);
    let rows = usize::from(items.height).max(1);
    let from = (picker.chosen + 1).saturating_sub(rows);
    let columns = usize::from(items.width);
    let lines = picker.lines(columns).into_iter().enumerate().skip(from).take(rows);
    let lines = lines.map(|(at, text)| {
        let style = if at == picker.chosen { MARKED } else { Style::new() };
        Line::styled(fill(&text, columns), style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), items);
}
