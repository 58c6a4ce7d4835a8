use super::*;

const MOMENT: Duration = Duration::from_millis(1);

/// Somebody, and a time of the story's own.
struct Story {
    online: Online,
    user: UserId,
    now: Instant,
}

impl Story {
    fn new() -> Self {
        let ambient = Ambient::system();
        let user = ambient.id();
        Self { online: Online::new(ambient), user, now: Instant::now() }
    }

    fn open(&self) {
        self.online.opened(self.user);
    }

    fn close(&self) {
        self.online.closed(self.user, self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn take(&self) -> Vec<Standing> {
        self.online.take(500, self.now).into_iter().map(|(_, standing)| standing).collect()
    }

    fn seen(&self) -> Option<Timestamp> {
        self.online.seen(self.user)
    }
}

#[test]
fn who_closes_the_last_socket_is_gone_after_the_grace() {
    let mut story = Story::new();
    assert_eq!(story.seen(), None);
    story.open();
    story.open();
    assert_eq!(story.take(), [Standing::Online]);
    story.close();
    story.wait(GRACE * 2);
    assert_eq!(story.take(), [], "another device is there");
    story.close();
    let at = story.seen().unwrap();
    story.wait(GRACE - MOMENT);
    assert_eq!((story.take(), story.seen()), (vec![], Some(at)), "online for the time being");
    story.wait(MOMENT);
    assert_eq!(story.take(), [Standing::Gone(at)]);
    assert_eq!((story.seen(), story.online.all_seen()), (None, vec![]));
    assert_eq!(story.take(), []);
}

#[test]
fn who_comes_back_within_the_grace_was_never_away() {
    let mut story = Story::new();
    story.open();
    story.take();
    for _ in 0..100 {
        story.close();
        story.wait(GRACE - MOMENT);
        assert_eq!(story.take(), []);
        story.open();
        assert_eq!(story.take(), []);
        assert_eq!(story.online.lock().leaving.len(), 0, "nothing is left over");
    }
    assert_eq!(story.online.all_seen().len(), 1);
}

#[test]
fn who_is_back_before_anyone_looked_was_never_away() {
    let mut story = Story::new();
    story.open();
    story.take();
    story.close();
    story.wait(GRACE * 2);
    story.open();
    assert_eq!(story.take(), []);
}

#[test]
fn a_socket_counts_while_it_is_open() {
    let Story { online, user, .. } = Story::new();
    let sockets = [online.open(user), online.open(user)];
    assert_eq!(online.lock().sockets[&user], 2);
    drop(sockets);
    assert!(online.lock().sockets.is_empty() && online.seen(user).is_some());
}

#[test]
fn many_are_taken_part_by_part() {
    let Story { online, now, .. } = Story::new();
    let mut crowd: Vec<UserId> = (0..1_200).map(|_| online.ambient.id()).collect();
    crowd.iter().for_each(|user| online.opened(*user));
    let parts: Vec<usize> = (0..4).map(|_| online.take(500, now).len()).collect();
    assert_eq!(parts, [500, 500, 200, 0]);
    crowd.iter().for_each(|user| online.closed(*user, now));
    let mut gone = Vec::new();
    for part in [500, 500, 200, 0] {
        let taken = online.take(500, now + GRACE);
        assert_eq!((taken.len(), online.all_seen().len()), (part, 1_200 - gone.len() - part));
        gone.extend(taken.into_iter().map(|(user, _)| user));
    }
    gone.sort_unstable();
    crowd.sort_unstable();
    assert_eq!(gone, crowd, "each once");
}

#[test]
fn what_was_taken_in_vain_comes_again_unless_there_is_news() {
    let Story { online, user, now } = Story::new();
    online.opened(user);
    online.closed(user, now);
    let taken = online.take(500, now + GRACE);
    assert!(matches!(taken[..], [(_, Standing::Gone(_))]));
    online.put_back(taken.clone());
    assert_eq!(online.take(500, now), taken);
    online.opened(user);
    online.put_back(taken);
    assert_eq!(online.take(500, now), [(user, Standing::Online)]);
}

#[test]
fn only_who_is_online_is_in_doubt() {
    let mut story = Story::new();
    story.online.doubt(story.user);
    assert_eq!(story.take(), []);
    story.open();
    story.close();
    story.take();
    story.online.doubt(story.user);
    assert_eq!(story.take(), [Standing::Online]);
    story.online.doubt(story.user);
    story.wait(GRACE);
    assert!(matches!(story.take()[..], [Standing::Gone(_)]));
}

/// Two nodes, and somebody who uses both.
struct Nodes {
    own: Story,
    other: NodeId,
}

impl Nodes {
    fn new() -> Self {
        let own = Story::new();
        Self { other: own.online.ambient.id(), own }
    }

    fn hear(&self, call: RollCall) {
        self.own.online.hear(&Roll { node: self.other, call }, self.own.now);
    }

    fn here(&self) {
        self.hear(RollCall::Here(vec![self.own.user]));
    }

    fn left(&self) {
        self.hear(RollCall::Left(vec![self.own.user]));
    }
}

#[test]
fn who_goes_to_another_node_was_never_away() {
    let mut nodes = Nodes::new();
    nodes.own.open();
    assert_eq!(nodes.own.take(), [Standing::Online]);
    nodes.own.close();
    nodes.here();
    nodes.own.wait(GRACE);
    assert_eq!(nodes.own.take(), [Standing::Moved]);
    assert!(nodes.own.seen().is_some(), "they are elsewhere");
    let News { came, left } = nodes.own.online.news();
    assert_eq!((came, left), (vec![nodes.own.user], vec![nodes.own.user]));
    nodes.own.open();
    assert_eq!(nodes.own.take(), [Standing::Known], "their friends know");
    nodes.left();
    assert_eq!(nodes.own.take(), [], "they are here");
}

#[test]
fn who_leaves_two_nodes_at_once_is_missed() {
    let mut nodes = Nodes::new();
    nodes.own.open();
    nodes.here();
    nodes.own.take();
    nodes.own.close();
    let at = nodes.own.seen().unwrap();
    nodes.own.wait(GRACE);
    assert_eq!(nodes.own.take(), [Standing::Moved]);
    nodes.left();
    assert_eq!((nodes.own.take(), nodes.own.seen()), (vec![Standing::Lost(at)], None));
}

#[test]
fn who_leaves_another_node_is_its_affair() {
    let nodes = Nodes::new();
    nodes.here();
    assert!(nodes.own.seen().is_some());
    nodes.left();
    assert_eq!((nodes.own.take(), nodes.own.seen()), (vec![], None));
}

#[test]
fn one_of_the_nodes_misses_those_whose_node_died() {
    let mut nodes = Nodes::new();
    let third = nodes.own.online.ambient.id();
    nodes.here();
    let calls = Duration::from_secs(4);
    let mut missed = Vec::new();
    for _ in 0..4 {
        nodes
            .own
            .online
            .hear(&Roll { node: third, call: RollCall::Here(Vec::new()) }, nodes.own.now);
        nodes.own.wait(calls);
        missed.extend(nodes.own.take());
    }
    assert_eq!(nodes.own.seen(), None);
    let first = nodes.own.online.node() < third;
    assert_eq!(missed.len(), usize::from(first), "{missed:?}");
}

#[test]
fn whose_node_died_is_missed_also_where_the_first_node_died_with_it() {
    for is_back in [false, true] {
        let mut nodes = Nodes::new();
        let first = NodeId::from_uuid(uuid::Uuid::nil());
        let call = |nodes: &Nodes, call| {
            nodes.own.online.hear(&Roll { node: first, call }, nodes.own.now);
        };
        nodes.here();
        // It stops, so its people are missed before the first node is.
        nodes.hear(RollCall::Stops);
        call(&nodes, RollCall::Here(Vec::new()));
        nodes.own.wait(GRACE);
        assert_eq!((nodes.own.take(), nodes.own.seen()), (vec![], None), "the first node tells");
        if is_back {
            nodes.own.open();
            assert_eq!(nodes.own.take(), [Standing::Online]);
        }
        nodes.own.wait(VALID);
        let missed = nodes.own.take();
        assert_eq!(
            missed.iter().filter(|one| matches!(one, Standing::Lost(_))).count(),
            usize::from(!is_back)
        );
        nodes.own.wait(VALID);
        assert_eq!(nodes.own.take(), [], "once");
    }
}
