//! Searching, against a naive reading of what `ls --json` prints.

use serde_json::Value;

use super::Place;
use super::real::data;

fn lines(place: &Place, args: &[&str]) -> Vec<Value> {
    place.ok(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn labels(sample: &Value) -> impl Iterator<Item = &Value> {
    sample["layers"].as_object().into_iter().flat_map(|layers| layers.values()).flat_map(|l| l.as_array().unwrap())
}

fn has(sample: &Value, class: &str) -> bool {
    labels(sample).any(|label| label["class"] == class)
}

fn area(label: &Value) -> f64 {
    let edge = |name: &str| label["shape"][name].as_f64().unwrap_or(f64::NAN);
    (edge("xmax") - edge("xmin")) * (edge("ymax") - edge("ymin"))
}

/// A filter beside what it means.
type Case<'a> = (&'a str, &'a dyn Fn(&Value) -> bool);

/// Checks filters against what they mean, told in plain Rust, by every way of asking.
fn compare(place: &Place, dataset: &str, cases: &[Case<'_>]) {
    let all = lines(place, &["ls", dataset, "--json"]);
    assert!(!all.is_empty());
    for (filter, fits) in cases {
        let expected: Vec<&str> = all.iter().filter(|s| fits(s)).map(|s| s["path"].as_str().unwrap()).collect();
        let found = place.ok(&["search", dataset, filter, "--format", "paths"]);
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{filter}");
        let count = place.json(&["search", dataset, filter, "--count"]);
        assert_eq!(count["count"], expected.len(), "{filter}: {count}");
        let listed = place.ok(&["ls", dataset, "--where", filter]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "{filter}");
        let sql = place.ok(&["search", dataset, filter, "--sql"]);
        let rows = lines(place, &["sql", "-d", dataset, sql.trim(), "--json"]);
        assert_eq!(rows.iter().map(|row| row["path"].as_str().unwrap()).collect::<Vec<_>>(), expected, "{sql}");
        let again = place.json(&["search", dataset, count["filter"].as_str().unwrap(), "--count"]);
        assert_eq!(again, count, "{filter}");
    }
}

fn split<'a>(sample: &'a Value, name: &'a str) -> bool {
    sample["split"] == name
}

#[test]
fn filters_find_what_they_say() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "60"]);
    place.ok(&["import", "street"]);
    let width = |s: &Value| s["media"]["width"].as_u64().unwrap_or(0);
    compare(
        &place,
        "street",
        &[
            ("", &|_| true),
            ("class:car", &|s| has(s, "car")),
            ("-class:car", &|s| !has(s, "car")),
            ("class:car class:bus", &|s| has(s, "car") && has(s, "bus")),
            ("class:car,bus split:val", &|s| (has(s, "car") || has(s, "bus")) && split(s, "val")),
            ("split:val OR class:bus", &|s| split(s, "val") || has(s, "bus")),
            ("[class:car area>3000]", &|s| labels(s).any(|l| l["class"] == "car" && area(l) > 3000.0)),
            ("class:car area>3000", &|s| labels(s).any(|l| l["class"] == "car" && area(l) > 3000.0)),
            ("labels:car>=2", &|s| labels(s).filter(|l| l["class"] == "car").count() >= 2),
            ("labels=0", &|s| labels(s).count() == 0),
            ("has:truth", &|s| s["layers"]["truth"].is_array()),
            ("width>300", &|s| width(s) > 300),
            ("path:*1*.png,*1*.jpg", &|s| {
                let path = s["path"].as_str().unwrap();
                path.contains('1') && (path.ends_with(".png") || path.ends_with(".jpg"))
            }),
            ("-split:*", &|s| s["split"].is_null()),
        ],
    );
    let whole = place.json(&["stats", "street"])["samples"].clone();
    assert_eq!(place.json(&["search", "street", "--count"])["count"], whole);
    assert_eq!(place.json(&["search", "--count", "street"])["count"], whole);
    let count = |filter: &str, what: &str| place.json(&["search", "street", filter, what]);
    for filter in ["split:val", "-split:train", "", "layer:truth"] {
        assert_eq!(count(filter, "--count")["from_root"], true, "{filter}");
    }
    assert_eq!(count("class:car", "--count")["from_root"], false);
    let cars = count("class:car", "--count=labels");
    assert_eq!(
        (&cars["from_root"], &cars["count"]),
        (&true.into(), &place.json(&["stats", "street"])["classes"]["car"])
    );

    let hits = lines(&place, &["search", "street", "class:car", "--json", "--sort", "-labels", "-n", "5"]);
    let found: Vec<usize> = hits.iter().map(|hit| hit["matched"]["truth"].as_array().unwrap().len()).collect();
    assert!(found.is_sorted_by(|a, b| a >= b) && found.len() == 5 && found[0] > 0, "{found:?}");
    assert!(hits.iter().all(|hit| hit["media"]["size"].as_u64().unwrap() > 0));
    let table = place.ok(&["search", "street", "split:val", "--format", "csv"]);
    assert!(
        table.starts_with("path,split,mime,size,width,height,labels\n") && table.contains(",val,image/"),
        "{table}"
    );

    place.ok(&["export", "street", "out", "--format", "coco", "--media", "none", "--where", "split:val class:car"]);
    let expected = count("split:val class:car", "--count")["count"].as_u64().unwrap();
    let again = place.run(&[
        "export",
        "street",
        "more",
        "--format",
        "coco",
        "--json",
        "--media",
        "none",
        "--where",
        "split:val class:car",
    ]);
    let told: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(told["samples"], expected);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "30"]);
    place.ok(&["import", "street"]);
    let said = place.run(&["search", "street", "split:val class:buss"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.talk.contains("error[query.filter]") && said.talk.contains("did you mean `bus`?"), "{said:?}");
    assert!(said.talk.contains("\n  split:val class:buss\n            ^^^^^^^^^^\n"), "{}", said.talk);
    for (filter, what) in [
        ("(class:bus", "never closed"),
        ("split:train split:val", "split:train,val"),
        ("colour:red", "there is no field `colour`"),
        ("has:truht", "`truth`"),
        ("a or b", "`OR`"),
    ] {
        for args in [vec!["search", "street", filter], vec!["ls", "street", "--where", filter]] {
            let said = place.run(&args);
            assert!(said.code == 2 && said.talk.contains(what) && said.out.is_empty(), "{said:?}");
        }
        let out = ["export", "street", "out", "--format", "coco", "--where", filter];
        assert_eq!(place.run(&out).code, 2);
        assert!(!place.path("out").exists());
    }
    let said = place.run(&["search", "street", "", "--sort", "widht"]);
    assert!(said.code == 2 && said.talk.contains("`width`"), "{said:?}");
}

#[test]
fn real_data_are_searched() {
    let Some(path) = data("bccd_voc") else { return };
    let place = Place::new();
    place.ok(&["import", &path.display().to_string(), "cells"]);
    let count = |s: &Value, class: &str| labels(s).filter(|l| l["class"] == class).count();
    compare(
        &place,
        "cells",
        &[
            ("class:WBC", &|s| has(s, "WBC")),
            ("class:Platelets labels:RBC>=15", &|s| has(s, "Platelets") && count(s, "RBC") >= 15),
            ("labels:WBC!=1", &|s| count(s, "WBC") != 1),
            ("[class:RBC area<2000] -class:Platelets", &|s| {
                labels(s).any(|l| l["class"] == "RBC" && area(l) < 2000.0) && !has(s, "Platelets")
            }),
            ("~00[12]\\d\\d\\.", &|s| {
                let path = s["path"].as_str().unwrap();
                let at = path.find("001").or(path.find("002"));
                at.is_some_and(|at| {
                    path[at + 3..].starts_with(|c: char| c.is_ascii_digit()) && path[at..].find('.') == Some(5)
                })
            }),
            ("type:box2d width:640", &|s| labels(s).any(|l| l["type"] == "box2d") && s["media"]["width"] == 640),
        ],
    );
}

#[test]
fn views_are_versioned_with_the_data() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "40"]);
    place.ok(&["import", "street"]);
    place.ok(&["tag", "street", "v1"]);
    let create = |name: &str, filter: &str| place.run(&["view", "create", "street", name, "--filter", filter]);
    assert_eq!(create("cars", "class:car split:val").code, 0);
    assert_eq!(create("big/cars", "view:cars area>100").code, 0);
    let direct = place.ok(&["search", "street", "class:car split:val", "--format", "paths"]);
    assert!(!direct.is_empty());
    assert_eq!(place.ok(&["search", "street", "view:cars", "--format", "paths"]), direct);
    assert_eq!(place.ok(&["view", "run", "street", "cars", "--format", "paths"]), direct);
    assert_eq!(place.ok(&["ls", "street", "--where", "view:cars"]), direct);
    let none = place.json(&["search", "street", "view:cars -view:cars", "--count"]);
    assert_eq!(none["count"], 0);
    let out = ["export", "street", "out", "--format", "coco", "--media", "none", "--where", "view:cars", "--json"];
    let told: Value = serde_json::from_str(&place.ok(&out)).unwrap();
    assert_eq!(told["samples"], direct.lines().count());

    let said = create("bad", "class:caar");
    assert!(said.code == 2 && said.talk.contains("did you mean `car`?"), "{said:?}");
    let said = create("cars", "class:bus");
    assert!(said.code == 1 && said.talk.contains("--replace"), "{said:?}");
    let said = place.run(&["view", "create", "street", "cars", "--filter", "view:big/cars", "--replace"]);
    assert!(said.code == 2 && said.talk.contains("comes back to itself"), "{said:?}");
    assert_eq!(place.run(&["search", "street@v1", "view:cars"]).code, 2);
    assert_eq!(place.run(&["view", "show", "street", "carz"]).code, 3);
    assert_eq!(place.run(&["view", "create", "street", "../x", "--filter", "a"]).code, 2);

    let listed = lines(&place, &["view", "list", "street", "--json"]);
    let names: Vec<&str> = listed.iter().map(|view| view["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["big/cars", "cars"]);
    assert_eq!(listed[0]["meaning"], "[class:car] split:val [area>100]");
    place.ok(&["view", "delete", "street", "cars"]);
    let listed = lines(&place, &["view", "list", "street", "--json"]);
    assert!(listed[0]["problem"].as_str().unwrap().contains("there is no view `cars`"), "{listed:?}");
    let said = place.run(&["search", "street", "view:big/cars"]);
    assert!(said.code == 2 && said.talk.contains("cannot use the view `big/cars`"), "{said:?}");
    place.ok(&["undo", "street"]);
    assert_eq!(place.ok(&["search", "street", "view:cars", "--format", "paths"]), direct);
    assert!(place.ok(&["log", "street"]).contains("add view cars"));
    place.ok(&["verify"]);
}
