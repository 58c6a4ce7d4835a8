//! What happens, as it happens: a subscription that comes back where it was
//! broken off (graphql-transport-ws, and docs/live.md).

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{self, ClientRequestBuilder, Message, protocol::CloseFrame},
};

use super::{
    client::Refusal,
    error::{Error, Result},
    operations,
    session::Session,
    types::{Event, Happening},
};
use crate::ambient::Ambient;

/// How long it may take to be let in.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often the server is asked whether it is there, and after how long a
/// silence it is not.
const PING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
/// The first wait before coming back; each one is twice as long, up to the
/// last.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LAST_WAIT: Duration = Duration::from_secs(15);
/// After the close code for what only a defect of this client explains.
const LONG_WAIT: Duration = Duration::from_secs(120);

const CLOSED: &str = "the server ended the connection";
const UNHEARD: &str = "nobody listens";

/// What is heard.
#[derive(Debug)]
pub(super) enum News {
    /// Whether it is live.
    Link(Link),
    /// Something happened.
    Happened(Box<Event>),
    /// What is known is too old for the stream to go on from.
    Expired,
    /// The session has ended; nothing more is heard.
    SignedOut,
}

/// The state of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Connecting,
    /// What happens is heard.
    Live,
    /// It is tried again after a while; why it has to be.
    Broken(String),
}

/// Why a connection ended.
enum End {
    /// It was lost, or could not be made, for this reason.
    Lost(String),
    /// The node stops: another one is there.
    GoingAway,
    /// The tokens are not good.
    NotLetIn,
    /// The cursor is too old.
    Expired,
    /// A defect of this client.
    Refused,
}

impl End {
    fn lost(why: &str) -> Self {
        Self::Lost(why.to_owned())
    }

    fn why(&self) -> &str {
        match self {
            Self::Lost(why) => why,
            Self::GoingAway => "the server stops",
            Self::NotLetIn => "the server does not accept the session",
            Self::Expired | Self::Refused => "the server refuses to tell what happens",
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Lost(error.reason())
    }
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct Payload {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Data {
    events: Happening,
}

/// Who listens.
pub(super) struct Feed {
    session: Session,
    ambient: Ambient,
    news: mpsc::Sender<News>,
    cursor: Option<String>,
    wait: Duration,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Feed {
    pub fn new(session: Session, ambient: Ambient, news: mpsc::Sender<News>) -> Self {
        Self { session, ambient, news, cursor: None, wait: FIRST_WAIT }
    }

    /// Listens until nobody hears it, or the session has ended.
    pub async fn run(mut self) {
        let mut refused_before = false;
        while self.tell(News::Link(Link::Connecting)).await {
            let token = self.session.access_token();
            let mut end = self.listen(&token).await;
            let refused = matches!(end, End::NotLetIn | End::Expired);
            let again = match &end {
                End::NotLetIn => match self.session.renew(&token).await {
                    Err(Error::SignedOut) => {
                        self.tell(News::SignedOut).await;
                        return;
                    }
                    Ok(_) => !refused_before,
                    Err(error) => {
                        end = error.into();
                        false
                    }
                },
                End::Expired => {
                    self.cursor = None;
                    self.tell(News::Expired).await && !refused_before
                }
                End::GoingAway | End::Lost(_) | End::Refused => false,
            };
            refused_before = refused;
            if !again && !self.pause(&end).await {
                return;
            }
        }
    }

    async fn tell(&self, news: News) -> bool {
        self.news.send(news).await.is_ok()
    }

    /// Waits, so that not all clients of a server come back to it at once; no
    /// longer than until it has answered something else.
    async fn pause(&mut self, end: &End) -> bool {
        let refused = matches!(end, End::Refused);
        let most = if refused { LONG_WAIT } else { self.wait };
        let [draw] = self.ambient.bytes::<1>();
        let wait = most.mul_f64(0.5 + f64::from(draw) / 510.0);
        self.wait = (self.wait * 2).min(LAST_WAIT);
        let told = self.tell(News::Link(Link::Broken(end.why().to_owned()))).await;
        tokio::select! {
            () = sleep(wait) => told,
            () = self.session.client().answered(), if !refused => told,
            () = self.news.closed() => false,
        }
    }

    /// Hears what happens until the connection ends.
    async fn listen(&mut self, token: &str) -> End {
        let entering = timeout(PATIENCE, self.enter(token)).await;
        let mut socket = match entering {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return Error::late(PATIENCE).into(),
        };
        self.wait = FIRST_WAIT;
        if !self.tell(News::Link(Link::Live)).await {
            return End::lost(UNHEARD);
        }
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let frame = tokio::select! {
                frame = read(&mut socket) => frame,
                _ = pings.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Error::late(SILENCE).into();
                    }
                    if let Err(end) = say(&mut socket, &json!({ "type": "ping" })).await {
                        return end;
                    }
                    continue;
                }
                () = self.news.closed() => {
                    let _gone = socket.close(None).await;
                    return End::lost(UNHEARD);
                }
            };
            heard = Instant::now();
            let taken = match frame {
                Ok(frame) => self.take(&mut socket, frame).await,
                Err(end) => Err(end),
            };
            if let Err(end) = taken {
                return end;
            }
        }
    }

    /// Is let in, and subscribes.
    async fn enter(&self, token: &str) -> Result<Socket, End> {
        let client = self.session.client();
        let request = ClientRequestBuilder::new(client.sockets().clone())
            .with_sub_protocol("graphql-transport-ws");
        let connector = Connector::Rustls(client.tls());
        let (mut socket, _) = connect_async_tls_with_config(request, None, true, Some(connector))
            .await
            .map_err(|error| match error {
                tungstenite::Error::Http(answer) => {
                    client.not_served(answer.status(), answer.headers())
                }
                error => Error::unreachable(&error),
            })?;
        let payload = json!({ "authorization": format!("Bearer {token}") });
        say(&mut socket, &json!({ "type": "connection_init", "payload": payload })).await?;
        while read(&mut socket).await?.kind != "connection_ack" {}
        let variables = json!({ "after": self.cursor });
        let payload = json!({ "query": operations::events(), "variables": variables });
        say(&mut socket, &json!({ "type": "subscribe", "id": "1", "payload": payload })).await?;
        Ok(socket)
    }

    async fn take(&mut self, socket: &mut Socket, frame: Frame) -> Result<(), End> {
        match frame.kind.as_str() {
            "next" => {
                let payload: Payload =
                    serde_json::from_value(frame.payload).map_err(|_| End::Refused)?;
                let Some(Data { events }) = payload.data.filter(|_| payload.errors.is_empty())
                else {
                    return Err(refusal(payload.errors));
                };
                let heard = self.tell(News::Happened(Box::new(events.event))).await;
                self.cursor = Some(events.cursor);
                if heard { Ok(()) } else { Err(End::lost(UNHEARD)) }
            }
            "ping" => say(socket, &json!({ "type": "pong" })).await,
            "error" => Err(refusal(serde_json::from_value(frame.payload).unwrap_or_default())),
            "complete" => Err(End::lost(CLOSED)),
            _ => Ok(()),
        }
    }
}

fn refusal(errors: Vec<Refusal>) -> End {
    let Some(first) = errors.into_iter().next() else { return End::lost(CLOSED) };
    let first = Error::from(first);
    match () {
        () if first.is("CURSOR_EXPIRED") => End::Expired,
        () if first.is("UNAUTHENTICATED") => End::NotLetIn,
        () if first.is("BAD_USER_INPUT") => End::Refused,
        () => first.into(),
    }
}

async fn say(socket: &mut Socket, message: &Value) -> Result<(), End> {
    let said = socket.send(Message::text(message.to_string())).await;
    said.map_err(|error| Error::unreachable(&error).into())
}

async fn read(socket: &mut Socket) -> Result<Frame, End> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|_| End::Refused);
            }
            Some(Ok(Message::Close(close))) => return Err(closed(close)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(Error::unreachable(&error).into()),
            None => return Err(End::lost(CLOSED)),
        }
    }
}

/// The codes of docs/live.md.
fn closed(close: Option<CloseFrame>) -> End {
    match close.map(|close| u16::from(close.code)) {
        Some(1001) => End::GoingAway,
        Some(1008 | 4400) => End::Refused,
        Some(4401 | 4403) => End::NotLetIn,
        _ => End::lost(CLOSED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::client::tests::answering;

    fn feed(session: &Session) -> (Feed, mpsc::Receiver<News>) {
        let (sender, news) = mpsc::channel(8);
        (Feed::new(session.clone(), Ambient::system(), sender), news)
    }

    #[tokio::test]
    async fn why_there_is_no_connection_is_told() {
        let head = "308 Permanent Redirect\r\nlocation: https://chat.example/graphql";
        let url = answering(head, "").await;
        let (feed, mut news) = feed(&Session::at(&url));
        tokio::spawn(feed.run());
        assert!(matches!(news.recv().await, Some(News::Link(Link::Connecting))));
        let Some(News::Link(Link::Broken(why))) = news.recv().await else { panic!("it is not") };
        assert_eq!(why, "the server is at https://chat.example now: give that as --url");
    }

    /// A server that is back is not waited for any longer.
    #[tokio::test]
    async fn an_answer_to_something_else_ends_the_wait() {
        let url = answering("200 OK", "{\"data\": {}}").await;
        let session = Session::at(&url);
        let (mut feed, _news) = feed(&session);
        feed.wait = LAST_WAIT;
        let asking = async {
            loop {
                session.ask::<Value>("{ viewer { id } }", Value::Null).await.unwrap();
            }
        };
        let waited = async {
            tokio::select! {
                heard = feed.pause(&End::GoingAway) => heard,
                () = asking => false,
            }
        };
        assert!(timeout(LAST_WAIT / 3, waited).await.unwrap());
    }
}
