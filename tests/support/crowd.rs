//! Many people at little cost: they are in the graph and have no account.

use std::time::Duration;

use chatterbox::{
    accounts::{Tokens, Viewer},
    ambient::Ambient,
    app::Stores,
    ids::UserId,
};
use chatterbox_graph::{NewPerson, Tie, Timestamp};

use super::{Client, TestApp};

fn user_id(person: &Client) -> UserId {
    person.id.parse().unwrap()
}

impl TestApp {
    /// `count` people, whose usernames begin with `name`, in their order.
    pub async fn crowd(&self, name: &str, count: usize) -> Vec<Client> {
        let names = (0..count).map(|n| self.username(&format!("{name}{n:04}")));
        self.extras(names.map(|name| (name.clone(), name))).await
    }

    /// One for each username and display name.
    pub async fn extras(&self, names: impl IntoIterator<Item = (String, String)>) -> Vec<Client> {
        let ambient = Ambient::system();
        let people: Vec<NewPerson> = names
            .into_iter()
            .map(|(username, display_name)| NewPerson {
                id: ambient.id(),
                username,
                display_name,
                created_at: ambient.now(),
            })
            .collect();
        self.load(&people, &[]).await;
        people
            .into_iter()
            .map(|NewPerson { id, username, .. }| Client {
                id: id.to_string(),
                username,
                ..self.stranger()
            })
            .collect()
    }

    /// Lets people in who have no account, as if they had signed in.
    pub fn let_in(&self, people: Vec<Client>) -> Vec<Client> {
        let pem = std::fs::read_to_string(self.data.path().join("signing-key.pem")).unwrap();
        let ttl = Duration::from_secs(600);
        let tokens = Tokens::from_pem(&pem.into(), &self.url(""), ttl).unwrap();
        let ambient = Ambient::system();
        let sign = |person: &Client| {
            let viewer = Viewer { user: user_id(person), session: ambient.id() };
            tokens.sign(viewer, ambient.now()).unwrap().text
        };
        people.into_iter().map(|person| Client { token: Some(sign(&person)), ..person }).collect()
    }

    /// Makes friends of each two.
    pub async fn acquaint(&self, pairs: impl IntoIterator<Item = (&Client, &Client)>) {
        let tie =
            |(one, other)| Tie { one: user_id(one), other: user_id(other), since: Timestamp(1) };
        let ties: Vec<Tie> = pairs.into_iter().map(tie).collect();
        self.load(&[], &ties).await;
    }

    async fn load(&self, people: &[NewPerson], ties: &[Tie]) {
        let Stores { sql, graph } = self.open_stores();
        graph.load(people, ties).await.unwrap();
        sql.close().await;
    }
}
