//! What comes of requests, and how commands are carried out.

use super::{
    command::{Command, Partner},
    error::{Error, Result},
    model::{Conversation, Want},
    operations::{self, Toward},
    talk::{Listing, Notice, Talk},
    text::Line,
    types::{
        Event, Friendship, Id, Message, Overview, Page, Person, Reacted, Reaction, Ref, Summary,
    },
};

/// What comes of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is time for another overview.
    LookAgain,
    /// It is time to send what waits.
    SendAgain,
    Overview(Result<Overview>),
    Conversation(Id, Result<Option<Summary>>),
    Since {
        conversation: Id,
        seq: u64,
        page: Result<Page>,
    },
    Page(Id, Result<Page>),
    Sent(Result<Message>),
    Commanded(Result<Outcome>),
}

/// What comes of a command.
#[derive(Debug)]
pub(super) enum Outcome {
    Opened(Summary),
    Edited(Message),
    Deleted(Message),
    Reacted { conversation: Id, seq: u64, reactions: Vec<Reaction> },
    Listing(Listing),
    Stands(Person),
    Done(String),
    SignedOut,
}

impl Talk {
    /// Carries out what was written; what takes time is told of later.
    pub fn carry_out(&mut self, command: Command) -> Vec<Notice> {
        match self.try_to(command) {
            Ok(notices) => notices,
            Err(wrong) => vec![Notice::Failed(wrong)],
        }
    }

    fn try_to(&mut self, command: Command) -> Result<Vec<Notice>, String> {
        match command {
            Command::Say(body) => {
                let open = self.open()?;
                self.say(open, body, None);
            }
            Command::Reply(seq, body) => {
                let (open, message) = (self.open()?, self.message(seq)?);
                self.say(open, body, Some(message.id));
            }
            Command::To(Partner::Person(username)) => self.go_to(username),
            Command::To(Partner::Group(name)) => return self.go_to_group(&name),
            Command::List => return Ok(vec![Notice::Conversations]),
            Command::Help => return Ok(vec![Notice::Help]),
            Command::Quit => return Ok(vec![Notice::Quit]),
            Command::History => {
                self.open()?;
                self.read_on();
            }
            Command::Edit(seq, body) => self.edit(seq, body)?,
            Command::Delete(seq) => self.delete(seq)?,
            Command::React { seq, emoji, add } => self.react(seq, emoji, add)?,
            Command::Mute(muted) => self.mute(muted)?,
            Command::Toward { toward, username, note } => self.toward(toward, username, note),
            Command::Friends | Command::People(_) | Command::Groups(_) | Command::Search(_) => {
                self.list(command);
            }
            Command::Requests => {
                let requests = self.model.requests.clone();
                return Ok(vec![Notice::Listing(Listing::Requests(requests))]);
            }
            Command::Join(name) => self.join(name),
            Command::Leave => self.leave()?,
            Command::Found(name) => self.found(name),
            Command::Invite(username) => self.invite(username)?,
            Command::SignOut => {
                let session = self.session.clone();
                self.leaving = true;
                self.begin(async move { session.sign_out().await.map(|()| Outcome::SignedOut) });
            }
        }
        Ok(Vec::new())
    }

    fn open(&self) -> Result<Id, String> {
        self.current.clone().ok_or_else(|| "open a conversation first: /to @NAME".to_owned())
    }

    /// A message of the open conversation.
    pub fn message(&self, seq: u64) -> Result<Message, String> {
        let open = self.open()?;
        let talk = self.model.conversation(&open);
        let message = talk.and_then(|talk| talk.messages.get(&seq));
        message.cloned().ok_or_else(|| format!("message {seq} is not here; /history reads on"))
    }

    fn begin(&mut self, outcome: impl Future<Output = Result<Outcome>> + Send + 'static) {
        self.begin_command();
        self.spawn(async move { Answer::Commanded(outcome.await) });
    }

    /// Opens a conversation that is known.
    pub fn enter(&mut self, id: Id) -> Vec<Notice> {
        self.types(false);
        self.current = Some(id.clone());
        vec![Notice::Opened(id)]
    }

    fn go_to(&mut self, username: String) {
        let session = self.session.clone();
        self.begin(
            async move { operations::direct(&session, &username).await.map(Outcome::Opened) },
        );
    }

    fn go_to_group(&mut self, name: &str) -> Result<Vec<Notice>, String> {
        let wanted = name.to_lowercase();
        let named = |talk: &Conversation| talk.title().strip_prefix('#').map(str::to_lowercase);
        let all = self.model.conversations();
        let groups: Vec<_> = all.iter().filter_map(|(id, t)| Some((*id, named(t)?))).collect();
        let exact = groups.iter().filter(|(_, name)| *name == wanted);
        let near = groups.iter().filter(|(_, name)| name.starts_with(&wanted));
        let found: Vec<_> = exact.chain(near).map(|(id, _)| (*id).clone()).collect();
        match found.into_iter().next() {
            Some(id) => Ok(self.enter(id)),
            None => Err(format!("you are in no group #{name}; /join #{name} joins a public one")),
        }
    }

    fn edit(&mut self, seq: u64, body: String) -> Result<(), String> {
        let (message, session) = (self.message(seq)?, self.session.clone());
        self.begin(async move {
            operations::edit(&session, &message.id, &body).await.map(Outcome::Edited)
        });
        Ok(())
    }

    fn delete(&mut self, seq: u64) -> Result<(), String> {
        let (message, session) = (self.message(seq)?, self.session.clone());
        self.begin(
            async move { operations::delete(&session, &message.id).await.map(Outcome::Deleted) },
        );
        Ok(())
    }

    fn react(&mut self, seq: u64, emoji: String, add: bool) -> Result<(), String> {
        let (message, session) = (self.message(seq)?, self.session.clone());
        self.begin(async move {
            let reactions = operations::react(&session, &message.id, &emoji, add).await?;
            Ok(Outcome::Reacted { conversation: message.conversation.id, seq, reactions })
        });
        Ok(())
    }

    fn mute(&mut self, muted: bool) -> Result<(), String> {
        let (open, session) = (self.open()?, self.session.clone());
        self.begin(async move {
            operations::mute(&session, &open, muted).await?;
            Ok(Outcome::Done(if muted { "muted" } else { "no longer muted" }.to_owned()))
        });
        Ok(())
    }

    fn toward(&mut self, toward: Toward, username: String, note: Option<String>) {
        let session = self.session.clone();
        self.begin(async move {
            let person = operations::toward(&session, &username, toward, note.as_deref()).await?;
            Ok(Outcome::Stands(person))
        });
    }

    fn list(&mut self, command: Command) {
        let session = self.session.clone();
        self.begin(async move {
            let listing = match command {
                Command::People(words) => {
                    Listing::People(operations::people(&session, &words).await?)
                }
                Command::Groups(words) => {
                    Listing::Groups(operations::groups(&session, &words).await?)
                }
                Command::Search(words) => {
                    Listing::Found(operations::search(&session, &words).await?)
                }
                _ => Listing::Friends(operations::friends(&session).await?),
            };
            Ok(Outcome::Listing(listing))
        });
    }

    fn join(&mut self, name: String) {
        let session = self.session.clone();
        self.begin(async move {
            let found = operations::groups(&session, &name).await?;
            let same = |group: &&operations::PublicGroup| {
                group.named.name.to_lowercase() == name.to_lowercase()
            };
            let group = found.iter().find(same).or_else(|| found.first());
            let group = group.ok_or(Error::Unknown("there is no public group of this name"))?;
            let id = operations::join(&session, &group.named.id, true).await?;
            opened(&session, &id).await
        });
    }

    fn leave(&mut self) -> Result<(), String> {
        let (open, session) = (self.open()?, self.session.clone());
        self.begin(async move {
            operations::join(&session, &open, false).await?;
            Ok(Outcome::Done("you left the group".to_owned()))
        });
        Ok(())
    }

    fn found(&mut self, name: String) {
        let session = self.session.clone();
        self.begin(async move {
            let id = operations::found(&session, &name).await?;
            opened(&session, &id).await
        });
    }

    fn invite(&mut self, username: String) -> Result<(), String> {
        let (open, session) = (self.open()?, self.session.clone());
        self.begin(async move {
            operations::invite(&session, &open, &username).await?;
            Ok(Outcome::Done(format!("@{username} is in the group")))
        });
        Ok(())
    }

    pub(super) fn commanded(&mut self, outcome: Result<Outcome>) -> Vec<Notice> {
        let effects = match outcome {
            Ok(Outcome::Opened(summary)) => {
                let id = summary.id.clone();
                let effects = self.model.opened(summary);
                let mut notices = self.effects(effects);
                notices.extend(self.enter(id));
                return notices;
            }
            Ok(Outcome::Listing(listing)) => return vec![Notice::Listing(listing)],
            Ok(Outcome::Done(what)) => {
                self.want(Want::Overview);
                return vec![Notice::Done(what)];
            }
            Ok(Outcome::SignedOut) => return self.signed_out(),
            Err(error) => {
                self.leaving = false;
                return self.failed(&error);
            }
            Ok(Outcome::Stands(person)) => self.model.befriended(person),
            Ok(Outcome::Edited(message)) => self.model.apply(Event::MessageEdited { message }),
            Ok(Outcome::Deleted(message)) => self.model.apply(Event::MessageDeleted { message }),
            Ok(Outcome::Reacted { conversation, seq, reactions }) => {
                let conversation = Ref { id: conversation };
                let message = Reacted { seq, conversation, reactions };
                self.model.apply(Event::ReactionsChanged { message })
            }
        };
        self.effects(effects)
    }
}

async fn opened(session: &super::session::Session, id: &str) -> Result<Outcome> {
    let summary = operations::conversation(session, id).await?;
    summary.map(Outcome::Opened).ok_or(Error::Unknown("you are not in this group"))
}

/// How one stands to somebody.
pub(super) fn stands(username: &Line, friendship: Option<Friendship>) -> String {
    let name = &**username;
    match friendship {
        Some(Friendship::Friends) => format!("@{name} is your friend"),
        Some(Friendship::RequestSent) => format!("you asked @{name} to be your friend"),
        Some(Friendship::RequestReceived) => format!("@{name} asks to be your friend"),
        Some(Friendship::Blocked) => format!("you blocked @{name}"),
        Some(Friendship::Viewer) => format!("@{name} is you"),
        Some(Friendship::None) | None => format!("@{name} and you are not friends"),
    }
}
