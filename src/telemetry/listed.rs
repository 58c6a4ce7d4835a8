//! All metrics that there are. `docs/metrics.md` says what to make of them; a
//! test holds the two and what is served equal.

use std::fmt;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};

/// What a metric counts like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something was how large.
    Histogram,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its name.
    pub name: &'static str,
    /// What it counts like.
    pub kind: Kind,
    /// Its labels. None of them has more values than the code has, but for
    /// those of operations, which are bounded.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! listed {
    ($($kind:ident $name:ident { $($label:ident),* } $help:literal;)+) => {
        /// All of them.
        pub const LISTED: &[Listed] = &[$(Listed {
            name: stringify!($name),
            kind: Kind::$kind,
            labels: &[$(listed!(label $label)),*],
            help: $help,
        }),+];
    };
    (label type_) => { "type" };
    (label for_) => { "for" };
    (label $label:ident) => { stringify!($label) };
}

listed! {
    Counter chatterbox_http_requests_total { path, method, status } "Requests that were answered.";
    Histogram chatterbox_http_request_duration_seconds { path } "From the head of a request to the head of its answer.";
    Counter chatterbox_graphql_operations_total { type_, field, name, code } "Operations that ended, by the code of their first error, or OK.";
    Histogram chatterbox_graphql_operation_duration_seconds { type_, field, name } "How long queries and mutations took.";
    Counter chatterbox_graphql_errors_total { code } "Errors that clients were told about.";
    Counter chatterbox_grpc_requests_total { method, status } "Calls of gRPC that ended, by gRPC's name of their status.";
    Histogram chatterbox_grpc_request_duration_seconds { method } "How long calls took that have one answer.";
    Gauge chatterbox_grpc_streams { } "Streams of messages over gRPC that are open.";
    Gauge chatterbox_websocket_connections { } "Sockets that are open.";
    Gauge chatterbox_websocket_operations { } "Operations that run on sockets.";
    Counter chatterbox_websocket_closes_total { code } "Sockets that ended, by the code of the close; `client` where the client closed it, `gone` where it broke off.";
    Counter chatterbox_websocket_received_messages_total { } "Messages that came over sockets.";
    Counter chatterbox_websocket_received_bytes_total { } "Bytes in messages that came over sockets.";
    Counter chatterbox_websocket_sent_messages_total { } "Messages that were sent over sockets.";
    Counter chatterbox_websocket_sent_bytes_total { } "Bytes in messages that were sent over sockets.";
    Gauge chatterbox_http_streams { } "Streams of results over HTTP that are open.";
    Counter chatterbox_rate_limited_total { limit } "What was refused because it came too often.";
    Counter chatterbox_messages_total { } "Messages that were sent and are durable.";
    Counter chatterbox_message_commits_total { } "Transactions that messages were committed in.";
    Histogram chatterbox_message_commit_duration_seconds { } "How long such a transaction took.";
    Histogram chatterbox_message_batch_size { } "How many messages were committed together.";
    Histogram chatterbox_read_marker_batch_size { } "How many read markers were moved together.";
    Gauge chatterbox_queue_length { queue } "How much waits: messages and read markers to be committed, passwords to be hashed; of live events (`hub`) those of the subscriber who is furthest behind.";
    Gauge chatterbox_queue_capacity { queue } "How much may wait before more is refused; a subscriber is dropped.";
    Gauge chatterbox_hub_subscriptions { } "Live subscriptions on this node.";
    Counter chatterbox_hub_deliveries_total { } "Events that were handed to subscriptions, before their filters.";
    Counter chatterbox_hub_gap_entries_total { } "Entries that the bus did not bring and the hub read from the log.";
    Gauge chatterbox_hub_lag_entries { } "Entries of the log, as far as this node knows of them, that were not handed out yet.";
    Counter chatterbox_slow_subscribers_total { } "Subscriptions that were dropped because they did not keep up.";
    Counter chatterbox_event_executions_total { for_ } "Events that were executed as GraphQL, once for `all` who ask for the same or for `one`.";
    Counter chatterbox_bus_packets_total { kind } "Packets that the bus brought: entries of the `log`, that it has `moved` on, what is `passing`, or the `roll` of another node.";
    Counter chatterbox_bus_sent_bytes_total { } "What was sent to other nodes.";
    Counter chatterbox_bus_lost_packets_total { } "Packets for other nodes that the bus did not take, or packets of theirs that it dropped; they read the log then.";
    Counter chatterbox_bus_unreadable_packets_total { } "Packets of nodes of another version; the log is read then.";
    Counter chatterbox_bus_missed_packets_total { } "Packets that the bus brought while the hub was too far behind; it reads the log then.";
    Gauge chatterbox_log_head_position { } "The last position of the log that this node knows of.";
    Counter chatterbox_log_trimmed_total { } "Entries of the log that were forgotten.";
    Gauge chatterbox_log_last_trim_timestamp_seconds { } "When the log was trimmed last, in seconds since 1970.";
    Gauge chatterbox_projection_lag_entries { projection } "Entries of the log that a projection has not taken in.";
    Gauge chatterbox_projection_lag_seconds { projection } "For how long the oldest of them waits.";
    Counter chatterbox_last_chatted_edges_total { } "LAST_CHATTED edges that were written.";
    Counter chatterbox_search_indexed_total { } "Messages whose words were taken in.";
    Counter chatterbox_presence_changes_total { } "Changes of presence that others were told of.";
    Counter chatterbox_typing_changes_total { } "Changes of typing, on whichever node, that this one told those of who are connected to it.";
    Gauge chatterbox_online_users { } "People with a socket on this node, or until a few seconds ago.";
    Histogram chatterbox_sql_statement_duration_seconds { statement } "How long a statement on the SQL store took; `begin` and `commit` are two.";
    Counter chatterbox_sql_errors_total { statement, kind } "Statements that failed: `unavailable`, `timeout`, `duplicate` or `internal`.";
    Counter chatterbox_sql_deadlocks_total { } "Transactions that were tried again because they met another.";
    Gauge chatterbox_sql_connections { pool, state } "Connections to the SQL store, `used` and `idle`.";
    Histogram chatterbox_graph_statement_duration_seconds { statement } "How long a statement on the graph took, its retries included.";
    Counter chatterbox_graph_errors_total { statement, kind } "Statements on the graph that failed: `unavailable` or `internal`.";
    Counter chatterbox_graph_questions_total { statement } "Questions that statements on Neo4j answered; many share one.";
    Counter chatterbox_job_attempts_total { task, outcome } "Attempts to carry a job out: `done`, `refused` by the rules, or `failed`.";
    Histogram chatterbox_job_duration_seconds { task } "How long an attempt took.";
    Gauge chatterbox_jobs_pending { } "Jobs that are written down and not done, dead letters aside.";
    Gauge chatterbox_jobs_oldest_seconds { } "The age of the oldest of them; 0 where there is none.";
    Gauge chatterbox_dead_letters { } "Jobs that were given up and are kept.";
    Counter chatterbox_dead_letters_total { task } "Jobs that were given up.";
    Counter chatterbox_sessions_opened_total { } "Sessions that were opened.";
    Counter chatterbox_sessions_ended_total { } "Sessions that were ended, by their owners or by a change of password.";
    Counter chatterbox_refresh_tokens_reused_total { } "Refresh tokens that were traded twice: their sessions were ended.";
    Counter chatterbox_passwords_shed_total { } "Passwords that were refused at once because too many waited.";
    Histogram chatterbox_password_hash_duration_seconds { } "How long the hash of a password took, without waiting for its turn.";
    Counter chatterbox_spans_exported_total { } "Spans that the collector took.";
    Counter chatterbox_spans_dropped_total { } "Spans that were lost: too many waited, or the collector did not take them.";
    Gauge chatterbox_runtime_tasks { } "Tasks of the runtime.";
    Gauge chatterbox_runtime_queue_length { } "Tasks that wait for any thread of the runtime.";
    Gauge chatterbox_build_info { version } "Always 1.";
    Counter process_cpu_seconds_total { } "Processor time of the process, in whole seconds.";
    Gauge process_open_fds { } "Files and sockets that are open.";
    Gauge process_max_fds { } "How many may be open.";
    Gauge process_virtual_memory_bytes { } "Virtual memory.";
    Gauge process_virtual_memory_max_bytes { } "How much there may be.";
    Gauge process_resident_memory_bytes { } "Resident memory.";
    Gauge process_start_time_seconds { } "When the process began, in seconds since 1970.";
    Gauge process_threads { } "Threads of the process.";
}

/// Tells the recorder what its metrics say. What only grows begins with 0, so
/// that its first increase is seen.
pub(super) fn describe() {
    for Listed { name, kind, labels, help } in LISTED {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => describe_histogram!(*name, *help),
        }
        if *kind == Kind::Counter && labels.is_empty() {
            counter!(*name).absolute(0);
        }
    }
}
