//! What is read and what is not, counted in pages, leaves and bytes.

use std::time::Duration;

use tamis_core::{Cancel, NoProgress, Progress};
use tamis_query::{Explain, Query, QueryError};

use crate::support::*;

fn plan(sql: &str) -> String {
    explained(&many().0, sql, Explain::Plan)
}

fn run(sql: &str) -> String {
    explained(&many().0, sql, Explain::Run)
}

#[test]
fn only_the_columns_asked_for_are_read() {
    let keys = told(&run("SELECT path FROM samples"), "page_bytes");
    let base = told(&run("SELECT split FROM samples"), "page_bytes");
    let layer = told(&run("SELECT xmin FROM annotations"), "page_bytes");
    let all = told(&run("SELECT * FROM samples"), "page_bytes");
    assert!(keys > 0 && base > 0 && layer > 0, "{keys} {base} {layer}");
    assert!(all >= base + layer, "{all} {base} {layer}");
    let (one, leaves) = (run("SELECT split FROM samples"), told(&plan("SELECT split FROM samples"), "leaves"));
    assert!(leaves > 1, "{leaves}");
    assert_eq!(told(&one, "pages_read"), leaves, "a page of one group a leaf: {one}");
}

#[test]
fn ranges_of_paths_read_their_leaves_only() {
    let all = told(&plan("SELECT split FROM samples"), "leaves");
    for (condition, rows) in [
        ("path = 's31/031234.jpg'", 1),
        ("path LIKE 's31/0312%'", 100),
        ("starts_with(path, 's31/0312')", 100),
        ("path >= 's31/031200.jpg' AND path < 's31/031210.jpg'", 10),
        ("path BETWEEN 's31/031200.jpg' AND 's31/031209.jpg'", 10),
        ("path IN ('s31/031200.jpg', 's31/031201.jpg')", 2),
        ("segment = 's31' AND path > 's31/031998.jpg'", 1),
    ] {
        let sql = format!("SELECT path, width FROM samples WHERE {condition}");
        let leaves = told(&plan(&sql), "leaves");
        assert!((1..=2).contains(&leaves) && leaves < all, "{condition}: {leaves} of {all}");
        assert_eq!(ask(&many().0, &sql).len(), rows, "{condition}");
    }
    assert_eq!(told(&plan("SELECT width FROM samples WHERE path = 'a' AND path = 'b'"), "leaves"), 0);
}

#[test]
fn summaries_rule_subtrees_out() {
    let all = told(&plan("SELECT split FROM samples"), "leaves");
    for sql in [
        "SELECT path, xmin FROM annotations WHERE class = 'tram'",
        "SELECT path FROM samples WHERE has_class(truth, 'tram')",
        "SELECT path FROM samples WHERE count_labels(truth, 'tram') > 0",
        "SELECT path FROM samples WHERE timestamp = 15617.0",
        "SELECT path FROM samples WHERE speed = 31234.5",
    ] {
        let told_plan = plan(sql);
        assert!(told(&told_plan, "leaves") <= 2 && told(&told_plan, "leaves") < all, "{sql}: {told_plan}");
        assert!(told(&told_plan, "skipped_bytes") > 0, "{sql}: {told_plan}");
        assert!(ask(&many().0, sql)[0].starts_with("s31/031234.jpg"), "{sql}");
    }
    let ran = run("SELECT path, xmin FROM annotations WHERE class = 'tram'");
    assert_eq!(told(&ran, "leaves_read"), 1, "{ran}");
    assert_eq!(told(&ran, "rows_looked_up"), 1, "{ran}");
    assert!(ask(&many().0, "SELECT path FROM annotations WHERE class = 'zeppelin'").is_empty());
    assert_eq!(told(&plan("SELECT path FROM annotations WHERE class = 'zeppelin'"), "leaves"), 0);
    assert_eq!(told(&plan("SELECT path FROM samples WHERE split = 'nowhere'"), "leaves"), 0);
}

#[test]
fn counts_of_a_whole_commit_read_no_row() {
    for sql in [
        "SELECT count(*) FROM samples",
        "SELECT count(*) FROM annotations",
        "SELECT min(timestamp), max(timestamp) FROM samples",
        "SELECT split, count(*) FROM samples GROUP BY split",
        "SELECT class, count(*) AS n FROM annotations GROUP BY class ORDER BY n DESC",
        "SELECT layer, type, class, count(*) FROM annotations GROUP BY layer, type, class",
        "SELECT count(*) FROM annotations WHERE class IN ('bus', 'tram')",
        "SELECT count(*) FROM samples WHERE path LIKE 's31/%'",
    ] {
        let told_plan = plan(sql);
        assert!(!told_plan.contains("TreeScan:"), "{sql}: {told_plan}");
    }
    assert_eq!(ask(&many().0, "SELECT count(*) FROM samples WHERE path LIKE 's31/%'"), ["1000"]);
    assert_eq!(ask(&many().0, "SELECT count(*) FROM annotations WHERE class = 'tram'"), ["1"]);
    // What the root does not know is counted.
    for sql in
        ["SELECT count(*) FROM samples WHERE path LIKE '%1.jpg'", "SELECT width, count(*) FROM samples GROUP BY width"]
    {
        assert!(plan(sql).contains("TreeScan:"), "{sql}");
    }
}

#[test]
fn rows_come_in_the_order_of_their_paths_without_a_sort() {
    let sql = "SELECT path, split FROM samples ORDER BY path LIMIT 3";
    let told_plan = plan(sql);
    assert!(!told_plan.contains("SortExec"), "{told_plan}");
    assert_eq!(ask(&many().0, sql)[0], "s00/000000.jpg|val");
    let limited = run("SELECT width FROM samples LIMIT 5");
    assert!(told(&limited, "output_rows") <= 40, "{limited}");
}

#[test]
fn bounded_memory_spills_or_says_so() {
    let sql = r#"SELECT path, repeat(path, 8) AS long, speed FROM samples ORDER BY speed DESC, path"#;
    let free = ask(&many().0, sql);
    let mut has_spilled = false;
    // How much the merge of what was spilled needs is the engine's affair: the same rows, or a clear refusal.
    for megabytes in [32, 24, 16, 12, 8, 6, 4] {
        let mut bounded = Query { memory: Some(megabytes << 20), threads: 1, ..query(sql) };
        match batch(&many().0, &bounded) {
            Ok(found) => assert!(rows(&found) == free, "{megabytes} MB"),
            Err(QueryError::Memory { .. }) => continue,
            Err(other) => panic!("{other}"),
        }
        bounded.explain = Explain::Run;
        let ran = rows(&batch(&many().0, &bounded).unwrap()).join("\n");
        has_spilled |= told(&ran, "spill_count") > 0;
    }
    assert!(has_spilled);
    let bounded = Query { memory: Some(1000), ..query(sql) };
    assert!(matches!(batch(&many().0, &bounded), Err(QueryError::Memory { .. })));
}

#[test]
fn a_query_stops_when_it_is_asked_to() {
    let sql = "SELECT count(*) FROM samples a CROSS JOIN samples b WHERE a.timestamp * b.timestamp = 1.2345";
    let cancel = Cancel::default();
    let progress = Progress::new(std::sync::Arc::new(NoProgress), cancel.clone());
    let mut answer = query(sql).run(&many().0, &progress).unwrap();
    let asked = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    let ended = answer.next();
    assert!(matches!(ended, Some(Err(QueryError::Cancelled(_)))), "{ended:?}");
    assert!(answer.next().is_none());
    // It answers at once; the threads end by themselves.
    asked.join().unwrap();
    let again = Progress::new(std::sync::Arc::new(NoProgress), Cancel::default());
    again.cancel().cancel();
    assert!(matches!(query("SELECT 1").run(&many().0, &again), Err(QueryError::Cancelled(_))));
}
