//! What people do with their accounts, on the embedded stores.

mod alike;
mod email_change;
mod lapsing;

use std::{
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use chatterbox_graph::{Graph, sqlite::SqliteGraph};
use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::{
    ambient::{Clock, SystemRandom},
    live::{InProcessBus, Packet},
    mail::{Mail, Mailer},
    sql::Sql,
};

const PASSWORD: &str = "correct horse";
const ADA: &str = "ada@example.org";
const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 3_600 * SECOND;

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Postbox {
    mails: Mutex<Vec<Mail>>,
    away: AtomicBool,
}

#[async_trait]
impl Mailer for Postbox {
    async fn send(&self, mail: &Mail) -> Result<()> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        self.mails.lock().unwrap().push(mail.clone());
        Ok(())
    }

    fn is_prompt(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<String> {
        Ok("postbox".to_owned())
    }
}

struct Rig {
    accounts: Accounts,
    clock: HandClock,
    postbox: Arc<Postbox>,
    graph: Arc<dyn Graph>,
    relay: Arc<Relay>,
    bus: Arc<dyn Bus>,
    pem: SecretString,
    sql: Sql,
    behind: TaskTracker,
    _data: TempDir,
}

impl Rig {
    async fn new(verify_email: bool) -> Self {
        let data = tempfile::tempdir().unwrap();
        let sql = Sql::open(&Sql::sqlite_url(&data.path().join("test.db"))).unwrap();
        sql.migrate().await.unwrap();
        let graph = embedded(&sql);
        graph.migrate().await.unwrap();
        let clock = HandClock(Arc::new(AtomicI64::new(1_800_000_000 * SECOND)));
        let ambient = Ambient::new(clock.clone(), SystemRandom);
        let postbox = Arc::new(Postbox::default());
        let bus: Arc<dyn Bus> = Arc::new(InProcessBus::default());
        let relay = Arc::new(Relay::new(
            Arc::new(sql.clone()),
            Arc::clone(&graph),
            Arc::<Postbox>::clone(&postbox),
            Arc::clone(&bus),
            ambient.clone(),
        ));
        let pem = SigningKeys::generate_pem(&ambient).unwrap();
        let behind = TaskTracker::new();
        let accounts = node(&sql, &relay, &bus, &ambient, &pem, verify_email, &behind);
        Self { accounts, clock, postbox, graph, relay, bus, pem, sql, behind, _data: data }
    }

    /// Another node on the same stores, or this one after a restart.
    fn other_node(&self) -> Accounts {
        self.node(true)
    }

    /// One where confirmation may not be asked for.
    fn node(&self, verify_email: bool) -> Accounts {
        let ambient = Ambient::new(self.clock.clone(), SystemRandom);
        node(&self.sql, &self.relay, &self.bus, &ambient, &self.pem, verify_email, &self.behind)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }

    async fn mails(&self) -> Vec<Mail> {
        self.behind.close();
        self.behind.wait().await;
        std::mem::take(&mut *self.postbox.mails.lock().unwrap())
    }

    /// The code in the one mail that has come.
    async fn code(&self) -> String {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, ADA);
        code_in(&mails[0])
    }

    async fn register(&self) -> UserId {
        self.accounts.register("Ada", ADA, PASSWORD, None, client()).await.unwrap().id
    }

    async fn sign_in(&self) -> Authentication {
        self.accounts.sign_in("ada", PASSWORD, Some("phone"), client()).await.unwrap()
    }

    fn lives(&self, authentication: &Authentication) -> bool {
        match self.accounts.authenticate(&authentication.access_token) {
            Ok(viewer) => viewer == authentication.viewer,
            Err(Error::Unauthenticated) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

/// The graph in the same file.
fn embedded(sql: &Sql) -> Arc<dyn Graph> {
    let (write, read) = sql.connections();
    Arc::new(SqliteGraph::new(write, read))
}

fn node(
    sql: &Sql,
    relay: &Arc<Relay>,
    bus: &Arc<dyn Bus>,
    ambient: &Ambient,
    pem: &SecretString,
    verify_email: bool,
    behind: &TaskTracker,
) -> Accounts {
    let ttl = std::time::Duration::from_secs(600);
    Accounts::new(Parts {
        store: Arc::new(sql.clone()),
        hasher: PasswordHasher::start(ambient.clone()).unwrap(),
        tokens: Tokens::from_pem(pem, "https://chat.example.org", ttl).unwrap(),
        faces: Faces::new(embedded(sql)),
        suggestions: Suggestions::new(embedded(sql)),
        graph: embedded(sql),
        relay: Arc::clone(relay),
        bus: Arc::clone(bus),
        ended: EndedSessions::default(),
        rates: Rates::new(None, ambient),
        attempts: Arc::new(sql.clone()),
        stale: Arc::new(sql.clone()),
        limits: None,
        behind: behind.clone(),
        ambient: ambient.clone(),
        verify_email,
    })
}

fn code_in(mail: &Mail) -> String {
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    mail.text.lines().find(digits).unwrap().to_owned()
}

fn client() -> Client {
    Client::at(Ipv4Addr::LOCALHOST.into())
}

fn wrong<T>(outcome: Result<T>) -> bool {
    outcome.is_err_and(|error| matches!(error, Error::InvalidCredentials(_)))
}

fn unauthenticated<T>(outcome: Result<T>) -> bool {
    outcome.is_err_and(|error| matches!(error, Error::Unauthenticated))
}

#[tokio::test]
async fn registering_mails_a_code_that_confirms_the_address_and_signs_in() {
    let rig = Rig::new(true).await;
    let ada = rig.register().await;
    let person =
        rig.graph.people_by_username(&["ada".to_owned()]).await.unwrap().remove("ada").unwrap();
    assert_eq!((person.id, person.display_name.as_str()), (ada, "Ada"));

    let refused = rig.accounts.sign_in("ada", PASSWORD, None, client()).await;
    assert!(matches!(refused, Err(Error::EmailNotVerified)));
    assert!(wrong(rig.accounts.sign_in("ada", "wrong password", None, client()).await));
    let info = rig.accounts.account(ada).await.unwrap().unwrap();
    assert_eq!(info, AccountInfo { email: ADA.to_owned(), email_verified: false });

    let code = rig.code().await;
    let signed_in =
        rig.accounts.verify_email(" ADA@example.org", &code, None, client()).await.unwrap();
    assert_eq!(signed_in.viewer.user, ada);
    assert!(rig.lives(&signed_in));
    assert!(rig.accounts.account(ada).await.unwrap().unwrap().email_verified);
    assert!(
        wrong(rig.accounts.verify_email(ADA, &code, None, client()).await),
        "a code counts once"
    );
    rig.accounts.resend_verification(ADA).await.unwrap();
    rig.accounts.resend_verification("grace@example.org").await.unwrap();
    assert!(rig.mails().await.is_empty());
    for login in ["ada", "ADA", "Ada@Example.org"] {
        assert!(rig.lives(&rig.accounts.sign_in(login, PASSWORD, None, client()).await.unwrap()));
    }
}

#[tokio::test]
async fn without_confirmation_one_signs_in_at_once() {
    let rig = Rig::new(false).await;
    let ada = rig.register().await;
    assert!(rig.mails().await.is_empty());
    assert!(rig.lives(&rig.sign_in().await));
    assert!(rig.accounts.account(ada).await.unwrap().unwrap().email_verified);
}

#[tokio::test]
async fn what_is_taken_or_malformed_is_named() {
    let rig = Rig::new(false).await;
    rig.register().await;
    for (username, email, field) in
        [("aDa", "new@example.org", "username"), ("new", "ADA@example.org", "email")]
    {
        let refused = rig.accounts.register(username, email, PASSWORD, None, client()).await;
        assert!(matches!(refused, Err(Error::Conflict { field: of, .. }) if of == field));
    }
    for (username, email, password, name, field) in [
        ("a", ADA, PASSWORD, None, "username"),
        ("grace", "grace", PASSWORD, None, "email"),
        ("grace", "grace@example.org", "short", None, "password"),
        ("grace", "grace@example.org", PASSWORD, Some(" "), "displayName"),
    ] {
        let refused = rig.accounts.register(username, email, password, name, client()).await;
        assert!(matches!(refused, Err(Error::Invalid { field: of, .. }) if of == field), "{field}");
    }
}

#[tokio::test]
async fn a_mail_that_could_not_be_sent_is_sent_later() {
    let rig = Rig::new(true).await;
    rig.postbox.away.store(true, Ordering::Relaxed);
    rig.register().await;
    assert!(rig.mails().await.is_empty());
    rig.postbox.away.store(false, Ordering::Relaxed);
    rig.pass(60 * SECOND);
    rig.relay.sweep().await.unwrap();
    rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await.unwrap();
}

#[tokio::test]
async fn only_the_newest_code_counts_for_fifteen_minutes_and_five_tries() {
    let rig = Rig::new(true).await;
    rig.register().await;
    let first = rig.code().await;
    rig.accounts.resend_verification(ADA).await.unwrap();
    let second = rig.code().await;
    if first != second {
        assert!(wrong(rig.accounts.verify_email(ADA, &first, None, client()).await));
    }
    rig.pass(15 * 60 * SECOND);
    assert!(wrong(rig.accounts.verify_email(ADA, &second, None, client()).await), "expired");

    rig.accounts.resend_verification(ADA).await.unwrap();
    let third = rig.code().await;
    for _ in 0..5 {
        assert!(wrong(rig.accounts.verify_email(ADA, "wrong", None, client()).await));
    }
    assert!(wrong(rig.accounts.verify_email(ADA, &third, None, client()).await), "no try left");
    assert!(wrong(rig.accounts.verify_email("grace@example.org", &third, None, client()).await));

    rig.accounts.resend_verification(ADA).await.unwrap();
    let fourth = format!(" {} ", rig.code().await);
    assert!(rig.lives(&rig.accounts.verify_email(ADA, &fourth, None, client()).await.unwrap()));
}

#[tokio::test]
async fn unknown_logins_and_wrong_passwords_are_told_alike() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let mut told = Vec::new();
    for (login, password) in [
        ("ada", "wrong password"),
        (ADA, "wrong password"),
        ("grace", PASSWORD),
        ("grace@example.org", PASSWORD),
        ("not a name", PASSWORD),
        ("@", PASSWORD),
        ("ada", "short"),
    ] {
        told.push(
            rig.accounts.sign_in(login, password, None, client()).await.unwrap_err().to_string(),
        );
    }
    assert!(told.iter().all(|text| *text == told[0]));
}

#[tokio::test]
async fn what_nobody_can_use_is_forgotten() {
    let rig = Rig::new(true).await;
    rig.register().await;
    let signed_in = rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await;
    let first = signed_in.unwrap();
    rig.pass(60 * DAY);
    let second = rig.accounts.refresh(&first.refresh_token).await.unwrap();
    rig.pass(60 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    // The first token was traded, but too long ago for that to be known.
    assert!(unauthenticated(rig.accounts.refresh(&first.refresh_token).await));
    let third = rig.accounts.refresh(&second.refresh_token).await.unwrap();
    rig.accounts.sign_out(third.viewer).await.unwrap();
    rig.pass(29 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert_eq!(rig.sql.ended_since(Timestamp(0)).await.unwrap().len(), 1);
    rig.pass(2 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert!(rig.sql.ended_since(Timestamp(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn refreshing_trades_tokens_and_reuse_ends_the_session() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let (first, bystander) = (rig.sign_in().await, rig.sign_in().await);
    assert!(rig.lives(&first));
    rig.pass(600 * SECOND);
    assert!(!rig.lives(&first), "expired by the handed-in clock");
    let second = rig.accounts.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(second.viewer, first.viewer);
    assert!(rig.lives(&second));

    let mut heard = rig.bus.subscribe();
    assert!(unauthenticated(rig.accounts.refresh(&first.refresh_token).await));
    assert!(!rig.lives(&second));
    assert!(unauthenticated(rig.accounts.refresh(&second.refresh_token).await));
    let Packet::Logged(batch) = heard.try_recv().unwrap() else { panic!("no entries") };
    assert_eq!(batch[0].change, Change::SessionEnded { session: first.viewer.session });
    assert!(unauthenticated(rig.accounts.refresh("nonsense").await));
    assert!(rig.accounts.refresh(&bystander.refresh_token).await.is_ok());
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let first = rig.sign_in().await;
    let refresh = || rig.accounts.refresh(&first.refresh_token);
    let (one, two) = tokio::join!(refresh(), refresh());
    assert!(one.is_ok() != two.is_ok());
    let winner = one.or(two).unwrap();
    assert!(!rig.lives(&winner));
    assert!(unauthenticated(rig.accounts.refresh(&winner.refresh_token).await));
}

#[tokio::test]
async fn an_idle_session_expires() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let (kept, idle) = (rig.sign_in().await, rig.sign_in().await);
    rig.pass(89 * DAY);
    let kept = rig.accounts.refresh(&kept.refresh_token).await.unwrap();
    rig.pass(DAY);
    assert!(unauthenticated(rig.accounts.refresh(&idle.refresh_token).await));
    let listed = rig.accounts.sessions(kept.viewer).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, kept.viewer.session);
    assert_eq!(listed[0].device.as_deref(), Some("phone"));
}

#[tokio::test]
async fn sessions_end_one_by_one_and_all_together() {
    let rig = Rig::new(false).await;
    rig.register().await;
    rig.accounts.register("grace", "grace@example.org", PASSWORD, None, client()).await.unwrap();
    let grace = rig.accounts.sign_in("grace", PASSWORD, None, client()).await.unwrap();
    let [one, two, three] = [rig.sign_in().await, rig.sign_in().await, rig.sign_in().await];
    let not_found = |outcome| matches!(outcome, Err(Error::NotFound(_)));

    let session = two.viewer.session;
    assert!(not_found(rig.accounts.end_session(grace.viewer, session).await));
    assert!(rig.lives(&two));
    rig.accounts.end_session(one.viewer, session).await.unwrap();
    assert!(!rig.lives(&two));
    assert!(not_found(rig.accounts.end_session(one.viewer, session).await));
    rig.accounts.sign_out(one.viewer).await.unwrap();
    rig.accounts.sign_out(one.viewer).await.unwrap();
    assert!(!rig.lives(&one) && rig.lives(&three));
    let four = rig.sign_in().await;
    rig.accounts.sign_out_everywhere(three.viewer).await.unwrap();
    assert!(!rig.lives(&three) && !rig.lives(&four) && rig.lives(&grace));
    assert!(rig.accounts.sessions(three.viewer).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_node_that_starts_knows_which_sessions_ended() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let ended = rig.sign_in().await;
    rig.accounts.sign_out(ended.viewer).await.unwrap();
    let node = rig.other_node();
    assert!(node.authenticate(&ended.access_token).is_ok(), "before it has looked");
    rig.pass(599 * SECOND);
    node.load_ended().await.unwrap();
    node.forget_ended();
    assert!(unauthenticated(node.authenticate(&ended.access_token)));
    rig.pass(62 * SECOND);
    node.forget_ended();
    assert!(!node.parts.ended.contains(ended.viewer.session));
    assert!(unauthenticated(node.authenticate(&ended.access_token)), "expired by now");
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let (here, elsewhere) = (rig.sign_in().await, rig.sign_in().await);
    rig.accounts.request_password_reset(ADA).await.unwrap();
    let code = rig.code().await;
    for current in ["wrong password", "short"] {
        let refused = rig.accounts.change_password(here.viewer, current, "new password").await;
        assert!(wrong(refused));
    }
    let refused = rig.accounts.change_password(here.viewer, PASSWORD, "short").await;
    assert!(matches!(refused, Err(Error::Invalid { field: "new", .. })));
    assert!(rig.lives(&elsewhere));

    rig.accounts.change_password(here.viewer, PASSWORD, "new password").await.unwrap();
    assert!(rig.lives(&here) && !rig.lives(&elsewhere));
    assert!(wrong(rig.accounts.sign_in("ada", PASSWORD, None, client()).await));
    assert!(rig.accounts.sign_in("ada", "new password", None, client()).await.is_ok());
    assert!(wrong(rig.accounts.reset_password(ADA, &code, "third password", client()).await));
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew() {
    let rig = Rig::new(true).await;
    let ada = rig.register().await;
    rig.code().await;
    rig.accounts.request_password_reset("grace@example.org").await.unwrap();
    assert!(rig.mails().await.is_empty());
    rig.accounts.request_password_reset(ADA).await.unwrap();
    let code = rig.code().await;
    assert!(
        wrong(rig.accounts.verify_email(ADA, &code, None, client()).await),
        "for its purpose only"
    );
    let first = rig.accounts.reset_password(ADA, &code, "new password", client()).await.unwrap();
    assert!(rig.accounts.account(ada).await.unwrap().unwrap().email_verified);
    assert!(wrong(rig.accounts.reset_password(ADA, &code, "new password", client()).await));

    rig.accounts.request_password_reset(ADA).await.unwrap();
    let code = rig.code().await;
    let refused = rig.accounts.reset_password(ADA, &code, "short", client()).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "new", .. })));
    let second = rig.accounts.reset_password(ADA, &code, "third password", client()).await.unwrap();
    assert!(!rig.lives(&first) && rig.lives(&second));
    assert!(wrong(rig.accounts.sign_in("ada", "new password", None, client()).await));
    assert!(rig.accounts.sign_in("ada", "third password", None, client()).await.is_ok());
}
