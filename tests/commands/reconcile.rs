//! `reconcile`: one store is an older copy, and is brought after the other.

mod graph;
mod sql;

use std::sync::Arc;

use async_trait::async_trait;
use chatterbox::{
    ambient::Ambient,
    app::Stores,
    ids::{GroupId, UserId},
    jobs::Relay,
    live::InProcessBus,
    mail::Outbox,
    reconcile::{Older, Parts, Plan, Report, reconcile},
};
use chatterbox_graph::{Census, Graph, NewPerson, Person, Result, Roster};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    chatterbox, said,
    support::{Client, TestApp},
};

const COMPARE: Plan = Plan { older: None, dry_run: false };

/// Those of a graph that a test made: Neo4j is shared by all of them.
struct Ours {
    graph: Arc<dyn Graph>,
    people: Vec<UserId>,
    groups: Vec<GroupId>,
}

/// The one before.
fn before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() - 1)
}

fn behind<T: Copy + Ord>(all: &[T], after: Option<T>, limit: usize) -> Vec<T> {
    let mut rest: Vec<T> = all.iter().copied().filter(|id| Some(*id) > after).collect();
    rest.sort_unstable();
    // Pages end where others begin, too.
    rest.truncate(limit.min(3));
    rest
}

#[async_trait]
impl Census for Ours {
    async fn everyone(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Person>> {
        let mut after = after;
        loop {
            let ids = behind(&self.people, after, limit);
            let mut page = Vec::new();
            for id in &ids {
                let found =
                    self.graph.everyone(Some(UserId::from_uuid(before(id.uuid()))), 1).await?;
                page.extend(found.into_iter().filter(|person| person.id == *id));
            }
            // An empty page would be the last one.
            if ids.is_empty() || !page.is_empty() {
                return Ok(page);
            }
            after = ids.last().copied();
        }
    }

    async fn all_groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Roster>> {
        let mut after = after;
        loop {
            let ids = behind(&self.groups, after, limit);
            let mut page = Vec::new();
            for id in &ids {
                let found =
                    self.graph.all_groups(Some(GroupId::from_uuid(before(id.uuid()))), 1).await?;
                page.extend(found.into_iter().filter(|roster| roster.group.id == *id));
            }
            if ids.is_empty() || !page.is_empty() {
                return Ok(page);
            }
            after = ids.last().copied();
        }
    }
}

/// The stores of a test, and those of whom they tell.
struct Copies<'a> {
    app: &'a TestApp,
    stores: Stores,
    people: Vec<UserId>,
    groups: Vec<GroupId>,
}

impl<'a> Copies<'a> {
    fn of(app: &'a TestApp, people: &[&Client], groups: &[&str]) -> Self {
        let people = people.iter().map(|person| person.id.parse().unwrap()).collect();
        let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
        Self { app, stores: app.open_stores(), people, groups }
    }

    async fn reconcile(&self, plan: Plan) -> Report {
        let (graph, sql) = (self.stores.graph.clone(), Arc::new(self.stores.sql.clone()));
        let census =
            Ours { graph: graph.clone(), people: self.people.clone(), groups: self.groups.clone() };
        let ambient = Ambient::system();
        let from = "Chatterbox <no-reply@localhost>".parse().unwrap();
        let outbox = self.app.data.path().join("outbox");
        let mailer = Outbox::new(outbox, from, ambient.clone());
        let relay = Relay::new(
            sql.clone(),
            graph.clone(),
            Arc::new(mailer),
            Arc::new(InProcessBus::default()),
            ambient.clone(),
        );
        let (census, relay) = (Arc::new(census), Arc::new(relay));
        let parts = Parts { graph, census, records: sql, relay, ambient };
        reconcile(parts, plan, |_| {}).await.unwrap()
    }

    /// Mends what is found, after saying so twice; there is nothing to be found then.
    async fn mend(&self, older: Older, differences: u64) {
        let compared = self.reconcile(COMPARE).await;
        let tried = self.reconcile(Plan { older: Some(older), dry_run: true }).await;
        assert!(tried.mended == 0 && tried.left > 0, "{tried}");
        assert_eq!(self.reconcile(COMPARE).await, compared, "nothing was changed");

        let mended = self.reconcile(Plan { older: Some(older), dry_run: false }).await;
        assert_eq!((mended.mended, mended.left), (differences, 0), "{mended}");
        for plan in [COMPARE, Plan { older: Some(older), dry_run: false }] {
            let again = self.reconcile(plan).await;
            assert_eq!((again.mended, again.left), (0, 0), "{again}");
        }
        // What a service keeps in memory is from before.
        self.app.restart().await;
    }

    async fn close(self) {
        self.stores.sql.close().await;
    }
}

/// What a list of the viewer's has, by username.
async fn usernames(client: &Client, list: &str) -> Vec<String> {
    let query = format!("{{ viewer {{ list: {list} {{ nodes {{ username }} }} }} }}");
    let data = client.data(&query, Value::Null).await;
    let nodes = data["viewer"]["list"]["nodes"].as_array().unwrap();
    let name = |node: &Value| node["username"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = nodes.iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_by_its_status_whether_the_stores_differ() {
    let app = TestApp::embedded().await;
    let (ada, bob) = app.friends("ada", "bob").await;
    let run = async |more: &[&str]| {
        let folder = app.data.path().to_str().unwrap().to_owned();
        let more: Vec<String> = more.iter().map(|&word| word.to_owned()).collect();
        let run = move || {
            let mut arguments = vec!["reconcile", "--data", &folder];
            arguments.extend(more.iter().map(String::as_str));
            chatterbox(&arguments, &[])
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        (output.status.code().unwrap(), format!("{text}{}", said(&output)))
    };
    let (status, text) = run(&[]).await;
    assert!(status == 0 && text.contains("2 people") && text.contains("nothing differs"), "{text}");

    let stores = app.open_stores();
    assert!(stores.graph.remove_person(bob.id.parse().unwrap()).await.unwrap());
    stores.sql.close().await;
    for more in [&[][..], &["--older", "graph", "--dry-run"]] {
        let (status, text) = run(more).await;
        let named = text.contains(&bob.id) && text.contains("left 1");
        assert!(status == 1 && named, "{status}: {text}");
    }
    let (status, text) = run(&["--older", "graph"]).await;
    assert!(status == 0 && text.contains("mended 2 differences, left 0"), "{status}: {text}");
    let (status, text) = run(&["--older", "graph"]).await;
    assert!(status == 0 && text.contains("nothing differs"), "{status}: {text}");
    app.restart().await;
    assert_eq!(ada.friendship(&bob).await, "FRIENDS");

    // The graph of another installation.
    let ambient = Ambient::system();
    let strangers: Vec<NewPerson> = (0..101)
        .map(|n| NewPerson {
            id: ambient.id(),
            username: format!("stranger{n}"),
            display_name: "Stranger".to_owned(),
            created_at: ambient.now(),
        })
        .collect();
    let stores = app.open_stores();
    stores.graph.load(&strangers, &[]).await.unwrap();
    let (status, text) = run(&["--older", "graph"]).await;
    assert!(status == 1 && text.contains("more than half of all people"), "{status}: {text}");
    let ids: Vec<UserId> = strangers.iter().map(|stranger| stranger.id).collect();
    assert_eq!(stores.graph.people(&ids).await.unwrap().len(), 101);
    stores.sql.close().await;
    app.stop().await;
}
