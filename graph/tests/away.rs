//! A Neo4j that is away, silent, or back again. It is reached through a door
//! that the tests open and close, so that nobody else notices.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use chatterbox_graph::{Ask, Error, Graph, NewPerson, Timestamp, UserId, neo4j::Neo4jGraph};
use futures::future::join_all;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use url::Url;

/// What counts as at once, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

fn server() -> Url {
    let url = std::env::var("CHATTERBOX_TEST_GRAPH_URL").expect(
        "CHATTERBOX_TEST_GRAPH_URL is not set: run scripts/test, or: \
         eval \"$(scripts/stores env)\" after scripts/stores up",
    );
    url.parse().unwrap()
}

/// A way to the server that can be closed.
struct Door {
    address: SocketAddr,
    guests: Option<JoinSet<()>>,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, guests: Some(lead_on(listener)) }
    }

    /// Ends all connections and refuses new ones.
    async fn close(&mut self) {
        if let Some(mut guests) = self.guests.take() {
            guests.shutdown().await;
        }
    }

    async fn open_again(&mut self) {
        self.guests = Some(lead_on(TcpListener::bind(self.address).await.unwrap()));
    }

    fn graph(&self) -> Neo4jGraph {
        let mut url = server();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        Neo4jGraph::connect(url.as_str()).unwrap()
    }
}

fn lead_on(listener: TcpListener) -> JoinSet<()> {
    let url = server();
    let to = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(7687));
    let mut guests = JoinSet::new();
    guests.spawn(async move {
        // Ends with this task, and so do all that came in through it.
        let mut inside = JoinSet::new();
        loop {
            let (mut guest, _) = listener.accept().await.unwrap();
            let to = to.clone();
            inside.spawn(async move {
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut guest, &mut server).await;
            });
        }
    });
    guests
}

async fn newcomer(graph: &Neo4jGraph, number: u64) -> UserId {
    let id = UserId::from_uuid(uuid::Uuid::from_u64_pair(random(), number));
    let (username, display_name) = (id.to_string(), "Someone".to_owned());
    let person = NewPerson { id, username, display_name, created_at: Timestamp(1) };
    graph.add_person(&person).await.unwrap();
    id
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

async fn assert_unavailable_within(graph: &Neo4jGraph, bound: Duration) {
    let someone = UserId::from_uuid(uuid::Uuid::from_u128(1));
    let started = Instant::now();
    let read = graph.people(&[someone]).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(started.elapsed() < bound, "reading took {:?}", started.elapsed());

    let started = Instant::now();
    let write = graph.withdraw(someone, someone).await;
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    assert!(started.elapsed() < bound, "writing took {:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_refuses_is_noticed_at_once() {
    let mut door = Door::open().await;
    door.close().await;
    let graph = door.graph();
    assert_unavailable_within(&graph, AT_ONCE).await;
    assert!(matches!(graph.migrate().await, Err(Error::Unavailable(_))));
    assert!(matches!(graph.version().await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for_long() {
    // Connections are accepted by the system, and nobody reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut door = Door { address: listener.local_addr().unwrap(), guests: None };
    let graph = door.graph();
    assert_unavailable_within(&graph, Duration::from_secs(10)).await;

    // Soon it is known, and nobody waits any more.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let started = Instant::now();
        assert!(matches!(graph.version().await, Err(Error::Unavailable(_))));
        if started.elapsed() < Duration::from_millis(20) {
            break;
        }
        assert!(Instant::now() < deadline, "every caller has to wait");
    }

    door.guests = Some(lead_on(listener));
    let deadline = Instant::now() + Duration::from_secs(10);
    while graph.version().await.is_err() {
        assert!(Instant::now() < deadline, "it is back, and nobody notices");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_told() {
    let mut url = server();
    url.set_password(Some("xyzzy")).unwrap();
    let graph = Neo4jGraph::connect(url.as_str()).unwrap();
    let error = graph.version().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(!format!("{error:?} {graph:?}").contains("xyzzy"));
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let mut door = Door::open().await;
    let graph = door.graph();
    graph.migrate().await.unwrap();
    let ada = newcomer(&graph, 1).await;
    let crowd = join_all((2..22).map(|n| newcomer(&graph, n))).await;

    for round in 0..3 {
        door.close().await;
        if round > 0 {
            assert_unavailable_within(&graph, AT_ONCE).await;
        }
        door.open_again().await;

        // Many at once, so that many stale connections are found.
        let asked = crowd[round * 5..][..5]
            .iter()
            .map(|&other| graph.ask(ada, other, None, Timestamp(1), 5_000));
        for asked in join_all(asked).await {
            assert_eq!(asked.unwrap(), Ask::Sent);
        }
        assert_eq!(graph.people(&[ada]).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn readers_do_not_notice_that_connections_went_stale() {
    let mut door = Door::open().await;
    let graph = door.graph();
    let ada = newcomer(&graph, 1).await;
    join_all((0..20).map(|_| graph.people(std::slice::from_ref(&ada)))).await;

    door.close().await;
    door.open_again().await;

    let ids = [ada];
    for found in join_all((0..40).map(|_| graph.people(&ids))).await {
        assert_eq!(found.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_lock_behind() {
    let door = Door::open().await;
    let graph = door.graph();
    graph.migrate().await.unwrap();
    let (ada, grace) = (newcomer(&graph, 1).await, newcomer(&graph, 2).await);
    for round in 0..40 {
        let ask = graph.ask(ada, grace, None, Timestamp(1), 5_000);
        let _ = tokio::time::timeout(Duration::from_micros(100 * round), ask).await;
    }
    // A lock that is left behind would outlast the store's patience.
    let ask = graph.ask(ada, grace, None, Timestamp(1), 5_000).await.unwrap();
    assert_eq!(ask, Ask::AlreadyAsked, "what was begun was carried out");
}
