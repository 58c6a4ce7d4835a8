//! What goes on between the person, the server and the model: requests are
//! made beside each other, and what comes of them is told as [`Notice`]s.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::sleep};

use super::{
    answers::Answer,
    error::{Error, Result},
    feed::{Feed, Link, News},
    model::{Before, Change, Effects, Model, Want},
    operations::{self, Draft, PublicGroup},
    outbox::{Next, Outbox},
    session::Session,
    types::{Id, Message, Person, Request},
};
use crate::ambient::Ambient;

/// How long after the first look another one is taken: the subscription may
/// begin a moment later than the look, and what happened between them is in
/// neither.
const SECOND_LOOK: Duration = Duration::from_secs(5);
/// How often it is said that the viewer still types; it ends after 6 seconds.
const TYPING: Duration = Duration::from_secs(3);
/// The waits between tries of what is needed.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(15);

/// What a person is told.
#[derive(Debug)]
pub(super) enum Notice {
    Change(Change),
    /// The overview is here, for the first time.
    Ready,
    /// A conversation was opened.
    Opened(Id),
    /// A page of history is here.
    Page(Id),
    Listing(Listing),
    Done(String),
    Failed(String),
    /// It will not be sent, for this reason.
    NotSent(Draft, String),
    Link(Link),
    Help,
    Conversations,
    /// The session has ended; perhaps because the person wanted it.
    SignedOut {
        asked: bool,
    },
    Quit,
}

/// What was asked for by a command.
#[derive(Debug)]
pub(super) enum Listing {
    Friends(Vec<Person>),
    People(Vec<Person>),
    Requests(Vec<Request>),
    Groups(Vec<PublicGroup>),
    Found(Vec<Message>),
}

/// A session that goes on.
pub(super) struct Talk {
    pub model: Model,
    pub outbox: Outbox,
    pub link: Link,
    /// The conversation that is open.
    pub current: Option<Id>,
    pub(super) session: Session,
    pub(super) ambient: Ambient,
    sender: mpsc::UnboundedSender<Answer>,
    answers: mpsc::UnboundedReceiver<Answer>,
    news: mpsc::Receiver<News>,
    /// How many commands are not carried out yet.
    busy: usize,
    /// The subscription begins anew, without a cursor.
    fresh: bool,
    wanted: HashSet<Want>,
    turning: HashSet<Id>,
    typed: Option<(Id, Instant)>,
    /// The person asked to be signed out.
    pub(super) leaving: bool,
}

impl Talk {
    /// Begins to listen.
    pub fn start(session: Session, ambient: Ambient) -> Self {
        let (hear, news) = mpsc::channel(256);
        tokio::spawn(Feed::new(session.clone(), ambient.clone(), hear).run());
        Self::new(session, ambient, news)
    }

    /// Hears what is told.
    pub fn new(session: Session, ambient: Ambient, news: mpsc::Receiver<News>) -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        Self {
            model: Model::new(),
            outbox: Outbox::default(),
            link: Link::Connecting,
            current: None,
            session,
            ambient,
            sender,
            answers,
            news,
            busy: 0,
            fresh: true,
            wanted: HashSet::new(),
            turning: HashSet::new(),
            typed: None,
            leaving: false,
        }
    }

    /// Whether something that was asked for is not here yet.
    pub fn is_busy(&self) -> bool {
        self.under_way() > 0 || self.model.me().is_none()
    }

    /// How many commands are not carried out yet.
    pub fn under_way(&self) -> usize {
        self.busy + self.turning.len()
    }

    /// What comes next. Safe to drop and call again.
    pub async fn next(&mut self) -> Vec<Notice> {
        tokio::select! {
            Some(news) = self.news.recv() => self.hear(news),
            Some(answer) = self.answers.recv() => self.answered(answer),
            // The feed has ended with the session, and nothing is under way.
            else => self.signed_out(),
        }
    }

    fn hear(&mut self, news: News) -> Vec<Notice> {
        match news {
            News::Link(link) => {
                self.link = link.clone();
                match link {
                    Link::Live => self.live(),
                    Link::Connecting | Link::Broken(_) => self.model.disconnected(),
                }
                vec![Notice::Link(link)]
            }
            News::Happened(event) => {
                if let super::types::Event::MessageSent { message } = &*event
                    && self.model.is_me(message.sender.as_ref())
                {
                    self.outbox.heard(&message.conversation.id, message.body.as_deref());
                }
                let effects = self.model.apply(*event);
                self.effects(effects)
            }
            News::Expired => {
                self.fresh = true;
                self.model.forget_history();
                Vec::new()
            }
            News::SignedOut => self.signed_out(),
        }
    }

    fn live(&mut self) {
        self.want(Want::Overview);
        if std::mem::take(&mut self.fresh) {
            self.later(SECOND_LOOK, Answer::LookAgain);
        }
        self.send_waiting();
    }

    fn answered(&mut self, answer: Answer) -> Vec<Notice> {
        match answer {
            Answer::LookAgain => {
                self.want(Want::Overview);
                Vec::new()
            }
            Answer::SendAgain => {
                self.send_waiting();
                Vec::new()
            }
            Answer::Overview(overview) => self.overview(overview),
            Answer::Conversation(id, summary) => {
                self.wanted.remove(&Want::Conversation(id));
                let summary = summary.ok().flatten();
                let effects = summary.map(|summary| self.model.summary(summary));
                self.effects(effects.unwrap_or_default())
            }
            Answer::Since { conversation, seq, page } => {
                let want = Want::Since { conversation: conversation.clone(), seq };
                self.wanted.remove(&want);
                let effects = page.map(|page| self.model.page(&conversation, page));
                self.effects(effects.unwrap_or_default())
            }
            Answer::Page(conversation, page) => {
                self.turning.remove(&conversation);
                match page {
                    Ok(page) => {
                        let effects = self.model.page(&conversation, page);
                        let mut notices = self.effects(effects);
                        notices.push(Notice::Page(conversation));
                        notices
                    }
                    Err(error) => self.failed(&error),
                }
            }
            Answer::Sent(sent) => self.sent(sent),
            Answer::Commanded(outcome) => {
                self.busy = self.busy.saturating_sub(1);
                self.commanded(outcome)
            }
        }
    }

    fn overview(&mut self, overview: Result<super::types::Overview>) -> Vec<Notice> {
        self.wanted.remove(&Want::Overview);
        let first = self.model.me().is_none();
        match overview {
            Ok(overview) => {
                let effects = self.model.overview(overview);
                let mut notices = self.effects(effects);
                if first {
                    notices.insert(0, Notice::Ready);
                }
                notices
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Asks for what is missing; returns what is to be told.
    pub(super) fn effects(&mut self, effects: Effects) -> Vec<Notice> {
        for want in effects.wants {
            self.want(want);
        }
        effects.changes.into_iter().map(Notice::Change).collect()
    }

    pub(super) fn want(&mut self, want: Want) {
        // An overview that was asked for earlier may be older than what is wanted.
        if !self.wanted.insert(want.clone()) && want != Want::Overview {
            return;
        }
        let session = self.session.clone();
        self.spawn(async move {
            match want {
                Want::Overview => {
                    Answer::Overview(patiently(|| operations::overview(&session)).await)
                }
                Want::Conversation(id) => {
                    let summary = patiently(|| operations::conversation(&session, &id)).await;
                    Answer::Conversation(id, summary)
                }
                Want::Since { conversation, seq } => {
                    let page = patiently(|| operations::since(&session, &conversation, seq)).await;
                    Answer::Since { conversation, seq, page }
                }
            }
        });
    }

    /// Reads the history of the open conversation on.
    pub fn read_on(&mut self) {
        let Some(id) = self.current.clone() else { return };
        let Some(talk) = self.model.conversation(&id) else { return };
        let before = match &talk.before {
            Before::Unread => None,
            Before::Cursor(cursor) => Some(cursor.clone()),
            Before::Nothing => return,
        };
        if !self.turning.insert(id.clone()) {
            return;
        }
        let session = self.session.clone();
        self.spawn(async move {
            let page = patiently(|| operations::page(&session, &id, before.as_deref())).await;
            Answer::Page(id, page)
        });
    }

    /// Notes that the viewer has seen the open conversation's last message.
    pub fn seen(&mut self) {
        let Some(id) = self.current.clone() else { return };
        let Some(talk) = self.model.conversation(&id).filter(|talk| talk.unread() > 0) else {
            return;
        };
        let seq = talk.last_seq();
        self.model.read(&id, seq);
        let session = self.session.clone();
        // It is said again with the next message.
        tokio::spawn(async move { operations::mark_read(&session, &id, seq).await.ok() });
    }

    /// Tells the others that the viewer types, or does no longer.
    pub fn types(&mut self, typing: bool) {
        let Some(id) = self.current.clone().filter(|_| self.link == Link::Live) else { return };
        let said = self.typed.as_ref().filter(|(said, _)| *said == id);
        let news = match (typing, said) {
            (true, said) => said.is_none_or(|(_, at)| at.elapsed() >= TYPING),
            (false, said) => said.is_some(),
        };
        if !news {
            return;
        }
        self.typed = typing.then(|| (id.clone(), Instant::now()));
        let session = self.session.clone();
        tokio::spawn(async move { operations::set_typing(&session, &id, typing).await.ok() });
    }

    /// Writes a message; it is sent until it is acknowledged.
    pub fn say(&mut self, conversation: Id, body: String, reply_to: Option<Id>) {
        let key = uuid::Builder::from_random_bytes(self.ambient.bytes()).into_uuid().to_string();
        self.typed = None;
        self.outbox.push(Draft { conversation, body, key, reply_to });
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        let Some(draft) = self.outbox.take_next() else { return };
        let session = self.session.clone();
        self.spawn(async move { Answer::Sent(operations::send(&session, &draft).await) });
    }

    fn sent(&mut self, sent: Result<Message>) -> Vec<Notice> {
        let (next, message) = match sent {
            Ok(message) => (self.outbox.answered(Ok(&message)), Some(message)),
            Err(error) => (self.outbox.answered(Err(error)), None),
        };
        let mut notices = Vec::new();
        match next {
            Next::Again(wait) => {
                self.later(wait, Answer::SendAgain);
                return notices;
            }
            Next::Never(_, Error::SignedOut) => return self.signed_out(),
            Next::Never(draft, error) => notices.push(Notice::NotSent(draft, error.to_string())),
            Next::Done => {}
        }
        if let Some(message) = message {
            let effects = self.model.sent(message);
            notices.extend(self.effects(effects));
        }
        self.send_waiting();
        notices
    }

    pub(super) fn failed(&self, error: &Error) -> Vec<Notice> {
        match error {
            Error::SignedOut => self.signed_out(),
            error => vec![Notice::Failed(error.to_string())],
        }
    }

    pub(super) fn signed_out(&self) -> Vec<Notice> {
        vec![Notice::SignedOut { asked: self.leaving }]
    }

    pub(super) fn begin_command(&mut self) {
        self.busy += 1;
    }

    pub(super) fn spawn(&self, answer: impl Future<Output = Answer> + Send + 'static) {
        let sender = self.sender.clone();
        // Nobody waits for it after the end.
        tokio::spawn(async move { sender.send(answer.await).ok() });
    }

    fn later(&self, wait: Duration, answer: Answer) {
        self.spawn(async move {
            sleep(wait).await;
            answer
        });
    }
}

/// Tries again for as long as that may help.
async fn patiently<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let mut wait = FIRST_WAIT;
    loop {
        match ask().await {
            Err(error) if error.is_transient() => sleep(error.again().unwrap_or(wait)).await,
            outcome => return outcome,
        }
        wait = (wait * 2).min(LAST_WAIT);
    }
}
