//! x
use chatterbox_graph::{*, neo4j::Neo4jGraph};
use std::{time::*, collections::BTreeMap};
#[tokio::main]
async fn main() {
    let graph = Neo4jGraph::connect(&std::env::var("CHATTERBOX_TEST_GRAPH_URL").unwrap()).unwrap();
    graph.migrate().await.unwrap();
    let ids: Vec<UserId> = (1..20u128).map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n))).collect();
    for id in &ids { graph.add_person(&NewPerson{id:*id,username:id.to_string(),display_name:"x".into(),created_at:Timestamp(1)}).await.unwrap(); }
    let t0 = Instant::now();
    let mut tasks = vec![];
    for w in 0..8usize { let graph = graph.clone(); let ids = ids.clone(); tasks.push(tokio::spawn(async move {
        let mut seen: BTreeMap<String,(u32,Duration,Duration)> = BTreeMap::new(); let mut k=w;
        while t0.elapsed() < Duration::from_secs(40) { k+=1;
            let s=Instant::now();
            let r = if k%2==0 { graph.people(&ids[..3]).await.map(|_|()) } else { graph.ask(ids[k%19], ids[(k+1+k/19%17)%19], None, Timestamp(1), 5000).await.map(|_|()) };
            let key = match &r { Ok(()) => "ok".into(), Err(Error::Unavailable(e)) => format!("UNAVAILABLE {e}"), Err(e) => format!("INTERNAL {e:?}") };
            let key: String = key.chars().take(150).collect();
            let e = seen.entry(key).or_insert((0,s.elapsed(),t0.elapsed())); e.0+=1; e.1=e.1.max(s.elapsed()); 
            if r.is_err() { tokio::time::sleep(Duration::from_millis(20)).await; } else { tokio::time::sleep(Duration::from_millis(2)).await; }
        } seen })) }
    let mut all: BTreeMap<String,(u32,Duration,Duration)> = BTreeMap::new();
    for t in tasks { for (k,v) in t.await.unwrap() { let e=all.entry(k).or_insert(v); if *e!=v {e.0+=v.0; e.1=e.1.max(v.1); e.2=e.2.min(v.2);} } }
    for (k,v) in all { println!("{v:?} {k}"); }
}
