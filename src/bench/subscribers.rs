//! Those who hear of messages live, each over a socket of their own.
//!
//! They share the machine with the service that they measure, so what they
//! want of an event they find in its text, without parsing it.

use std::{convert::Infallible, ops::Range, pin::pin, sync::LazyLock, time::Duration};

use axum::body::Bytes;
use chatterbox_graph::sample;
use futures::{SinkExt, StreamExt, TryStream, future::try_join_all, stream};
use memchr::memmem::{self, Finder};
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{ClientRequestBuilder, Message, protocol::WebSocketConfig},
};

use super::{Error, Result, client::Client, connection::PATIENCE, people::People};

/// What is wanted of an event, as a client with a normalised cache asks for it.
const EVENTS: &str = "subscription Events($after: String) { events(after: $after) { \
     __typename cursor ... on MessageSent { message { __typename id seq body sentAt \
     sender { __typename id username } conversation { __typename id } } } } }";

/// How many sockets are opened at the same time.
const AT_ONCE: usize = 64;
/// How often, and how many times, somebody calls until all have heard it.
const CALL_PERIOD: Duration = Duration::from_millis(200);
const CALLS: usize = 150;
/// How the text of a message begins that tells when it was sent.
const TIMED: &str = "sent after ";
const THROUGH: &str = " ns through node ";

static SEQ: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"seq\":"));
static SENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"body\":\"sent after "));

/// How much a socket reads at a time, in bytes.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// Where much comes.
    Much = 16 << 10,
    /// Where there are many on which little comes.
    Little = 1 << 10,
}

/// The text of a message that is sent so long after the beginning, through
/// this node.
pub(super) fn timed(after: Duration, node: usize) -> String {
    format!("{TIMED}{}{THROUGH}{node}: how long until you read it?", after.as_nanos())
}

/// A message that was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    seq: u64,
    /// When and where it was sent, if it tells that.
    sent: Option<Sent>,
}

/// When and where a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// In nanoseconds after the beginning.
    pub(super) nanos: u64,
    /// Through which node.
    pub(super) node: usize,
}

/// Somebody who hears of messages, all of one group.
pub(super) struct Subscriber {
    socket: WebSocketStream<TcpStream>,
    memory: Memory,
}

/// What a subscriber remembers who is away.
pub(super) struct Memory {
    n: u32,
    /// To which node they are connected.
    node: usize,
    /// With what they begin.
    greeting: String,
    /// That of the last message; `None` before the first.
    seq: Option<u64>,
    cursor: Option<String>,
}

impl Subscriber {
    /// The person of this number, from now on.
    pub(super) async fn open(people: &People, n: u32, reading: Reading) -> Result<Self> {
        let authorization = people.signing.sign(sample::id(n))?;
        let authorization = String::from_utf8_lossy(authorization.as_bytes());
        let payload = json!({ "authorization": authorization });
        let greeting = json!({ "type": "connection_init", "payload": payload }).to_string();
        let memory = Memory { n, node: people.node_of(n), greeting, seq: None, cursor: None };
        Self::connect(people, memory, reading).await
    }

    /// Comes back, to another node where there is one, and goes on where they
    /// left.
    pub(super) async fn resume(people: &People, memory: Memory) -> Result<Self> {
        let node = (memory.node + 1) % people.addresses.len();
        Self::connect(people, Memory { node, ..memory }, Reading::Much).await
    }

    /// To which node they are connected.
    pub(super) fn node(&self) -> usize {
        self.memory.node
    }

    async fn connect(people: &People, memory: Memory, reading: Reading) -> Result<Self> {
        let address = &people.addresses[memory.node];
        let stream = address.connect(memory.n).await?;
        let request = ClientRequestBuilder::new(address.sockets().clone())
            .with_sub_protocol("graphql-transport-ws");
        let config = WebSocketConfig::default().read_buffer_size(reading as usize);
        let shaken = timeout(PATIENCE, client_async_with_config(request, stream, Some(config)));
        let (socket, _) = shaken
            .await
            .map_err(|late| address.unreachable(late))?
            .map_err(|error| address.unreachable(error))?;
        let mut subscriber = Self { socket, memory };
        subscriber.tell(subscriber.memory.greeting.clone()).await?;
        timeout(PATIENCE, subscriber.acknowledged()).await.map_err(|_| Error::Unheard)??;
        let variables = json!({ "after": subscriber.memory.cursor });
        let payload = json!({ "query": EVENTS, "variables": variables });
        let subscribe = json!({ "type": "subscribe", "id": "1", "payload": payload });
        subscriber.tell(subscribe.to_string()).await?;
        Ok(subscriber)
    }

    async fn tell(&mut self, message: String) -> Result<()> {
        self.socket.send(message.into()).await.map_err(broken)
    }

    async fn acknowledged(&mut self) -> Result<()> {
        let answer = self.text().await?;
        let welcome = memmem::find(&answer, b"\"connection_ack\"").is_some();
        if welcome { Ok(()) } else { Err(said(&answer)) }
    }

    /// The next message. It has to be the one behind the last.
    async fn hear(&mut self) -> Result<Heard> {
        loop {
            let text = self.text().await?;
            let Some(heard) = heard(&text)? else { continue };
            let memory = &mut self.memory;
            match memory.seq {
                Some(last) if heard.seq != last + 1 => {
                    return Err(Error::Disorder { last, next: heard.seq });
                }
                _ => memory.seq = Some(heard.seq),
            }
            // Nobody leaves in the middle of what is measured.
            if heard.sent.is_none() {
                memory.cursor = cursor(&text);
            }
            return Ok(heard);
        }
    }

    /// When and where the next message was sent that tells it.
    pub(super) async fn hear_timed(&mut self) -> Result<Sent> {
        loop {
            if let Some(sent) = self.hear().await?.sent {
                return Ok(sent);
            }
        }
    }

    /// Answers pings, until something goes wrong.
    pub(super) async fn rest(&mut self, mut pinged: impl FnMut()) -> Result<Infallible> {
        loop {
            match self.frame().await? {
                Message::Ping(_) => pinged(),
                Message::Text(text) => drop(heard(text.as_bytes())?),
                _ => {}
            }
        }
    }

    /// Goes away.
    pub(super) async fn leave(mut self) -> Result<Memory> {
        self.socket.close(None).await.map_err(broken)?;
        Ok(self.memory)
    }

    async fn text(&mut self) -> Result<Bytes> {
        loop {
            if let Message::Text(text) = self.frame().await? {
                return Ok(text.into());
            }
        }
    }

    async fn frame(&mut self) -> Result<Message> {
        match self.socket.next().await {
            Some(Ok(Message::Close(close))) => {
                let close =
                    close.map(|close| format!("{} {}", u16::from(close.code), close.reason));
                Err(Error::Closed(close.unwrap_or_default()))
            }
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(broken(error)),
            None => Err(Error::Closed(String::new())),
        }
    }
}

fn broken(error: impl std::error::Error) -> Error {
    Error::Closed(error.to_string())
}

fn said(text: &[u8]) -> Error {
    Error::Answered(String::from_utf8_lossy(text).chars().take(200).collect())
}

/// The message that this text is about; `None` where it is about something
/// else.
fn heard(text: &[u8]) -> Result<Option<Heard>> {
    if let Some(at) = SEQ.find(text)
        && let Some((seq, rest)) = number(&text[at + SEQ.needle().len()..])
    {
        let sent = SENT.find(rest).and_then(|at| sent(&rest[at + SENT.needle().len()..]));
        return Ok(Some(Heard { seq, sent }));
    }
    let failed = ["\"errors\":", "\"type\":\"error\"", "\"type\":\"complete\""];
    let failed = failed.iter().any(|sign| memmem::find(text, sign.as_bytes()).is_some());
    if failed { Err(said(text)) } else { Ok(None) }
}

/// What a text tells behind how it begins.
fn sent(text: &[u8]) -> Option<Sent> {
    let (nanos, rest) = number(text)?;
    let (node, _) = number(rest.strip_prefix(THROUGH.as_bytes())?)?;
    Some(Sent { nanos, node: usize::try_from(node).ok()? })
}

/// The number with which a text begins, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn cursor(text: &[u8]) -> Option<String> {
    const KEY: &str = "\"cursor\":\"";
    let from = &text[memmem::find(text, KEY.as_bytes())? + KEY.len()..];
    let end = memchr::memchr(b'"', from)?;
    Some(String::from_utf8_lossy(&from[..end]).into_owned())
}

/// The people of these numbers, with a socket each.
pub(super) fn open_all(
    people: &People,
    numbers: Range<u32>,
    reading: Reading,
) -> impl TryStream<Ok = Subscriber, Error = Error> {
    let open = move |n| Subscriber::open(people, n, reading);
    stream::iter(numbers).map(open).buffered(AT_ONCE)
}

/// Somebody calls in the group until all have heard it: from then on nobody
/// misses anything.
pub(super) async fn call_together(
    caller: &mut Client,
    group: &str,
    subscribers: &mut [Subscriber],
) -> Result<()> {
    let mut hearing = pin!(try_join_all(subscribers.iter_mut().map(Subscriber::hear)));
    for _ in 0..CALLS {
        caller.say(group, "Can everybody hear this?").await?;
        if let Ok(heard) = timeout(CALL_PERIOD, &mut hearing).await {
            return heard.map(drop);
        }
    }
    Err(Error::Unheard)
}

/// Says one more thing: nobody hears anything before it, and everybody hears it.
pub(super) async fn say_goodbye(
    caller: &mut Client,
    group: &str,
    subscribers: &mut [Subscriber],
) -> Result<()> {
    caller.say(group, "That was all.").await?;
    let hearing = try_join_all(subscribers.iter_mut().map(Subscriber::hear));
    let heard = timeout(PATIENCE, hearing).await.map_err(|_| Error::Unheard)??;
    let late = heard.iter().find(|heard| heard.sent.is_some());
    late.map_or(Ok(()), |late| Err(Error::Disorder { last: late.seq, next: late.seq }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_found_in_the_text() {
        let told = timed(Duration::from_micros(7), 2);
        let text = |body: &str| {
            format!(
                r#"{{"type":"next","id":"1","payload":{{"data":{{"events":{{"__typename":"MessageSent","cursor":"c1ff","message":{{"id":"msg_1","seq":12,"body":"{body}"}}}}}}}}}}"#
            )
        };
        let told = text(&told);
        let found = heard(told.as_bytes()).unwrap().unwrap();
        assert_eq!(found, Heard { seq: 12, sent: Some(Sent { nanos: 7_000, node: 2 }) });
        assert_eq!(cursor(told.as_bytes()).unwrap(), "c1ff");
        let found = heard(text("hello").as_bytes()).unwrap().unwrap();
        assert_eq!(found, Heard { seq: 12, sent: None });
    }

    #[test]
    fn what_is_no_message_is_passed_over_unless_it_is_a_failure() {
        let other = r#"{"type":"next","id":"1","payload":{"data":{"events":{"__typename":"PresenceChanged","cursor":"c1"}}}}"#;
        for fine in [other, r#"{"type":"pong"}"#] {
            assert_eq!(heard(fine.as_bytes()).unwrap(), None);
        }
        for failed in [
            r#"{"type":"error","id":"1","payload":[{"message":"no"}]}"#,
            r#"{"type":"complete","id":"1"}"#,
            r#"{"type":"next","id":"1","payload":{"data":null,"errors":[{"message":"no"}]}}"#,
        ] {
            assert!(heard(failed.as_bytes()).is_err(), "{failed}");
        }
    }
}
