//! Wrong queries: where, why, and what may have been meant. And statements that must not run.

use tamis_core::{Classify, Kind};
use tamis_query::QueryError;

use crate::support::*;

fn small() -> tamis_repo::Repo {
    let (repo, signs) = lake();
    commit(&signs, (0..5).map(sample), "first");
    repo
}

#[test]
fn unknown_names_bring_the_right_ones() {
    let repo = small();
    let said = refuse(&repo, "SELECT path,\n  clas FROM annotations").to_string();
    assert!(said.contains("no column `clas`; did you mean class?") && said.contains("xmin"), "{said}");
    assert!(said.ends_with("    clas FROM annotations\n    ^"), "{said}");
    let said = refuse(&repo, "SELECT Weather FROM samples").to_string();
    assert!(said.contains("did you mean \"Weather\"?"), "{said}");
    let said = refuse(&repo, "SELECT * FROM anotations").to_string();
    assert!(said.contains("no table `anotations`; did you mean annotations?") && said.contains('^'), "{said}");
    let said = refuse(&repo, r#"SELECT * FROM "acme/signs@main.sample""#).to_string();
    assert!(said.contains("acme/signs@main.samples"), "{said}");
    let said = refuse(&repo, r#"SELECT * FROM "acme/sigs.samples""#).to_string();
    assert!(said.contains("no dataset `acme/sigs`; did you mean `acme/signs`?"), "{said}");
    let said = refuse(&repo, r#"SELECT * FROM "acme/signs@mian.samples""#).to_string();
    assert!(said.contains("did you mean `main`?"), "{said}");
    let said = refuse(&repo, "SELECT box_aria(1, 2, 3, 4)").to_string();
    assert!(said.contains("box_area"), "{said}");
    let mut bare = query("SELECT * FROM samples");
    bare.dataset = None;
    let said = batch(&repo, &bare).unwrap_err();
    assert!(matches!(said, QueryError::NoDataset { .. }), "{said}");
}

#[test]
fn bad_syntax_shows_the_place() {
    let repo = small();
    let said = refuse(&repo, "SELECT path\nFORM samples WHERE").to_string();
    assert!(said.contains('^') && said.contains("FORM samples"), "{said}");
    for sql in ["", ";", "SELECT", "SELECT 1; SELECT 2", "SELECT 'open"] {
        assert!(matches!(refuse(&repo, sql), QueryError::Syntax { .. }), "{sql}");
    }
    for sql in [
        "SELECT path + 1 FROM samples",
        "SELECT box_area(1)",
        "SELECT sum(path) FROM samples",
        "SELECT l2_distance([1.0], [1.0, 2.0])",
    ] {
        let said = refuse(&repo, sql);
        assert_eq!(said.kind(), Kind::Invalid, "{sql}: {said:?}");
    }
}

#[test]
fn only_reading_is_allowed_and_only_the_lake() {
    let repo = small();
    for sql in [
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE DATABASE d",
        "CREATE SCHEMA s",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "DROP TABLE samples",
        "INSERT INTO samples VALUES ('x')",
        "UPDATE samples SET split = 'x'",
        "DELETE FROM samples",
        "TRUNCATE TABLE samples",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "COPY samples TO '/tmp/stolen.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW TABLES",
        "SHOW ALL",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "BEGIN",
        "COMMIT",
        "ANALYZE samples",
        "EXPLAIN INSERT INTO samples VALUES ('x')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "SELECT * INTO t FROM samples",
        "WITH x AS (SELECT 1) INSERT INTO samples SELECT * FROM x",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM \"/tmp/x.parquet\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('/tmp/x.parquet')",
        "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM information_schema.df_settings",
        "SELECT * FROM other.\"acme/signs\".samples",
        "SELECT * FROM \"../other.samples\"",
        "SELECT getenv('HOME')",
        "SELECT pg_read_file('/etc/passwd')",
    ] {
        refuse(&repo, sql);
    }
    assert!(!std::path::Path::new("/tmp/stolen.csv").exists());
    assert!(matches!(refuse(&repo, "DROP TABLE samples"), QueryError::NotAQuery { .. }));
    assert_eq!(refuse(&repo, "DELETE FROM samples").kind(), Kind::Denied);
    assert_eq!(ask(&repo, "SELECT count(*) FROM samples"), ["5"]);
    assert!(ask(&repo, "DESCRIBE samples")[0].starts_with("path|"));
}

#[test]
fn deep_and_wide_statements_do_not_stop_the_process() {
    let repo = small();
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    refuse(&repo, &deep);
    let long = format!("SELECT {}", vec!["1"; 2000].join("+"));
    // Answered or refused, but the process goes on.
    drop(batch(&repo, &query(&long)));
    assert_eq!(ask(&repo, "SELECT 1"), ["1"]);
}
