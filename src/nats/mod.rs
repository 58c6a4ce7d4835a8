//! The bus of several nodes, over core NATS:
//! <https://docs.nats.io/reference/reference-protocols/nats-protocol>.
//!
//! What happens here reaches those who listen on this node at once, whether NATS is there or not, and
//! those on the others by one subject. NATS keeps nothing: what gets lost on the way the hubs read
//! from the log, and what passes has passed.

mod address;
mod wire;

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, RequestErrorKind, Subscriber, connection::State};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::{broadcast, mpsc};
use tracing::{debug, info, warn};
use uuid::Uuid;

use self::address::Address;
use crate::{
    error::{Error, Result},
    live::{Batch, Bus, Newest, Packet, Roll, Signal},
    messaging::Position,
};

/// How many packets wait for a listener that is behind, and how many for NATS.
const CAPACITY: usize = 1_024;
/// How long the server may take to let a node in.
const CONNECT: Duration = Duration::from_secs(2);
/// How often a silent server is asked whether it is there; the second question
/// in vain ends the connection.
const PING: Duration = Duration::from_secs(2);
/// The longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The bus of a node among others.
pub struct NatsBus {
    local: broadcast::Sender<Packet>,
    published: Newest,
    outgoing: mpsc::Sender<Packet>,
    client: Client,
}

impl NatsBus {
    /// Whether [`NatsBus::join`] takes the URL.
    #[must_use]
    pub fn check_url(url: &str) -> bool {
        Address::parse(url).is_ok()
    }

    /// Joins the nodes that share the log `log`, by the server at `url`:
    /// `nats://` or `tls://`, then `user:password@` where it asks for them, `host:port`. Goes on
    /// trying to connect where the server is away.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] for a URL that can't be understood; says nothing of its password.
    pub async fn join(url: &str, log: Uuid) -> Result<Self> {
        let Address { server, login } = Address::parse(url).map_err(Error::internal)?;
        let mut options = ConnectOptions::new()
            .name("chatterbox")
            .no_echo()
            .retry_on_initial_connect()
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .reconnect_delay_callback(pause)
            .event_callback(|event| async move { tell(&event) });
        if let Some((user, password)) = login {
            options = options.user_and_password(user, password);
        }
        let client = options.connect(server).await.map_err(Error::unavailable)?;
        let subject = format!("chatterbox.{}", log.simple());
        let incoming = client.subscribe(subject.clone()).await.map_err(Error::unavailable)?;
        let (outgoing, waiting) = mpsc::channel(CAPACITY);
        let local = broadcast::Sender::new(CAPACITY);
        let relay = Relay { client: client.clone(), subject, local: local.clone() };
        tokio::spawn(relay.run(waiting, incoming));
        Ok(Self { local, published: Newest::default(), outgoing, client })
    }

    fn hand_out(&self, packet: Packet) {
        // Nobody listening is no failure.
        let _listeners = self.local.send(packet);
    }

    fn send(&self, packet: Packet) {
        self.hand_out(packet.clone());
        if self.outgoing.try_send(packet).is_err() {
            lost();
        }
    }
}

#[async_trait]
impl Bus for NatsBus {
    fn publish(&self, entries: Batch) {
        self.published.see(&entries);
        self.send(Packet::Logged(entries));
    }

    fn published(&self) -> Position {
        self.published.position()
    }

    fn signal(&self, signal: Arc<Signal>) {
        self.send(Packet::Passing(signal));
    }

    fn signal_here(&self, signal: Arc<Signal>) {
        self.hand_out(Packet::Passing(signal));
    }

    fn call(&self, roll: Arc<Roll>) {
        self.send(Packet::Roll(roll));
    }

    fn subscribe(&self) -> broadcast::Receiver<Packet> {
        self.local.subscribe()
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<String> {
        if self.client.connection_state() == State::Disconnected {
            return Err(Error::unavailable("no connection to NATS"));
        }
        // Nobody serves this: the server says so, and with it that it has taken in all that came before.
        let asked = self.client.request("chatterbox.nobody", Bytes::new()).await;
        match asked.map_err(|error| error.kind()) {
            Ok(_) | Err(RequestErrorKind::NoResponders) => {}
            Err(kind) => return Err(Error::unavailable(kind.to_string())),
        }
        let info = self.client.try_server_info();
        let info = info.ok_or_else(|| Error::unavailable("no connection to NATS so far"))?;
        Ok(format!("NATS/{}", info.version))
    }
}

/// What lies between this node's packets and NATS.
struct Relay {
    client: Client,
    subject: String,
    local: broadcast::Sender<Packet>,
}

impl Relay {
    /// Sends what is handed in, and hands out what comes, until the bus is gone.
    async fn run(self, mut waiting: mpsc::Receiver<Packet>, mut incoming: Subscriber) {
        loop {
            tokio::select! {
                packet = waiting.recv() => match packet {
                    Some(packet) => self.send(&packet).await,
                    None => break,
                },
                message = incoming.next() => match message {
                    Some(message) => self.receive(&message.payload),
                    None => break,
                },
            }
        }
        if let Err(error) = self.client.flush().await {
            debug!(%error, "left NATS without a farewell");
        }
    }

    async fn send(&self, packet: &Packet) {
        // The client would keep it until the server is back, when it is old.
        if self.client.connection_state() != State::Connected {
            return lost();
        }
        for bytes in wire::encode(packet, self.client.max_payload().min(wire::LONGEST)) {
            let length = bytes.len();
            match self.client.publish(self.subject.clone(), bytes).await {
                Ok(()) => {
                    metrics::counter!("chatterbox_bus_sent_bytes_total").increment(length as u64);
                }
                Err(error) => {
                    debug!(%error, "could not hand a packet to NATS");
                    lost();
                }
            }
        }
    }

    fn receive(&self, payload: &[u8]) {
        match wire::decode(payload) {
            Ok(packet) => {
                let _listeners = self.local.send(packet);
            }
            // Of another version: what it tells of is in the log too.
            Err(error) => {
                metrics::counter!("chatterbox_bus_unreadable_packets_total").increment(1);
                debug!(%error, "a packet that can't be read");
            }
        }
    }
}

fn lost() {
    metrics::counter!("chatterbox_bus_lost_packets_total").increment(1);
}

fn pause(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    Duration::from_millis(50).saturating_mul(attempts).min(LONGEST_PAUSE)
}

fn tell(event: &async_nats::Event) {
    use async_nats::Event;

    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Disconnected => {
            warn!("NATS is away: the log is followed by looking at it now and then");
        }
        // What was missed is read from the log.
        Event::SlowConsumer(_) => lost(),
        Event::ServerError(_) | Event::ClientError(_) => debug!(%event, "NATS complains"),
        Event::LameDuckMode | Event::Draining | Event::Closed => debug!(%event, "NATS"),
    }
}
