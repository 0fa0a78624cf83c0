//! SQL as people run it.

use super::Place;

fn street() -> Place {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "40"]);
    place.ok(&["import", "street"]);
    place
}

#[test]
fn queries_print_tables_and_write_files() {
    let place = street();
    let stats = place.json(&["stats", "street"]);
    let said = place.run(&["sql", "-d", "street", "SELECT count(*) AS n, 'x' AS what FROM samples"]);
    assert_eq!(said.code, 0, "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["n", "what"]);
    assert_eq!(lines[1].split_whitespace().next(), Some(stats["samples"].to_string().as_str()));
    assert!(said.talk.contains("1 row"), "{said:?}");

    let sql = "SELECT class, count(*) AS n FROM annotations WHERE layer = 'truth' GROUP BY class ORDER BY class";
    let classes: serde_json::Value =
        serde_json::from_str(&place.ok(&["sql", "-d", "street@main", "--format", "json", sql])).unwrap();
    for line in classes.as_array().unwrap() {
        let class = line["class"].as_str().unwrap_or("");
        assert_eq!(line["n"], stats["classes"][class], "{class}");
    }
    let lines = place.ok(&["sql", "-d", "street", "--json", sql]);
    assert_eq!(lines.lines().count(), classes.as_array().unwrap().len());

    for (file, magic) in [("a.parquet", &b"PAR1"[..]), ("a.csv", b"path,labels\n"), ("a.arrow", b"\xff\xff\xff\xff")] {
        let path = place.path(file).display().to_string();
        place.ok(&["sql", "-d", "street", "-o", &path, "SELECT path, labels FROM samples"]);
        assert!(std::fs::read(&path).unwrap().starts_with(magic), "{file}");
    }
    let csv = place.ok(&["sql", "-d", "street", "--format", "csv", "-n", "3", "SELECT path, truth FROM samples"]);
    assert_eq!(csv.lines().count(), 4);
    let plan = place.ok(&["sql", "-d", "street", "--explain", "SELECT path FROM samples WHERE path LIKE 'x/%'"]);
    assert!(plan.contains("TreeScan") && plan.contains("skipped_rows"), "{plan}");
    let ran = place.ok(&["sql", "-d", "street", "--analyze", "SELECT path FROM samples"]);
    assert!(ran.contains("pages_read"), "{ran}");
    assert!(place.ok(&["sql", "--functions"]).contains("box_iou"));
    place.ok(&["sql", "-d", "street", "--memory", "64MB", "SELECT path FROM samples ORDER BY size"]);
}

#[test]
fn wrong_queries_say_where_and_what_was_meant() {
    let place = street();
    let said = place.run(&["sql", "-d", "street", "SELECT clas FROM annotations"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.talk.contains("error[query.unknown]") && said.talk.contains("did you mean class?"), "{said:?}");
    assert!(said.talk.contains("\n         ^"), "{said:?}");
    let said = place.run(&["sql", "-d", "street", "SELEC 1"]);
    assert_eq!((said.code, said.talk.contains("query.syntax")), (2, true), "{said:?}");
    let said = place.run(&["sql", "-d", "street", "DROP TABLE samples"]);
    assert_eq!((said.code, said.talk.contains("DROP TABLE")), (2, true), "{said:?}");
    assert_eq!(place.run(&["sql", "SELECT * FROM nowhere.samples"]).code, 3);
    assert_eq!(place.run(&["sql", "-d", "street", "--memory", "lots", "SELECT 1"]).code, 2);
}
