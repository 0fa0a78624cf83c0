//! The functions, by values that can be checked by hand.

use tamis_query::functions;

use crate::support::*;

fn value(sql: &str) -> String {
    let (repo, _) = lake();
    ask(&repo, &format!("SELECT {sql}")).remove(0)
}

#[test]
fn boxes_polygons_and_masks_are_measured() {
    assert_eq!(value("box_area(1, 2, 4, 6)"), "12.0");
    assert_eq!(value("box_area(4, 6, 1, 2)"), "0.0");
    assert_eq!(value("box_aspect(0, 0, 4, 2)"), "2.0");
    assert_eq!(value("box_aspect(0, 0, 4, 0) IS NULL"), "true");
    assert_eq!(value("box_iou(0, 0, 2, 2, 1, 1, 3, 3) = 1.0 / 7.0"), "true");
    assert_eq!(value("box_iou(0, 0, 0, 0, 0, 0, 0, 0) IS NULL"), "true");
    assert_eq!(value("box_containment(0, 0, 2, 2, 1, 0, 9, 9)"), "0.5");
    assert_eq!(value("box_area(1, 2, NULL, 6) IS NULL"), "true");
    assert_eq!(value("polygon_area([[0.0, 0.0, 4.0, 0.0, 4.0, 3.0]])"), "6.0");
    assert_eq!(
        value("mask_area(named_struct('height', 2, 'width', 5, 'counts', arrow_cast([1, 2, 3, 4], 'List(UInt32)')))"),
        "6"
    );
}

#[test]
fn paths_are_taken_apart() {
    let sql = "path_segment(p), path_dir(p), path_name(p), path_ext(p)
               FROM (VALUES ('a/b/c.tar.gz'), ('x'), ('a/.hidden'), ('é/ü.jpg')) AS t(p)";
    let (repo, _) = lake();
    assert_eq!(ask(&repo, &format!("SELECT {sql}")), ["a|a/b|c.tar.gz|gz", "||x|", "a|a|.hidden|", "é|é|ü.jpg|jpg"]);
}

#[test]
fn vectors_and_hashes_are_compared() {
    assert_eq!(value("l2_distance([0.0, 3.0], [4.0, 0.0])"), "5.0");
    assert_eq!(value("cosine_distance([1.0, 0.0], [0.0, 2.0])"), "1.0");
    assert_eq!(value("cosine_distance([0.0], [1.0]) IS NULL"), "true");
    assert_eq!(value("hamming_distance(7, 8)"), "4");
    assert_eq!(value("hamming_distance(-1, 0)"), "64");
    assert_eq!(value("hamming_distance(x'ff00', x'0f0f')"), "8");
}

#[test]
fn histograms_count_in_buckets() {
    let (repo, signs) = lake();
    commit(&signs, (0..100).map(sample), "first");
    assert_eq!(ask(&repo, "SELECT histogram(timestamp, 0, 50, 5) FROM samples"), ["[20, 20, 20, 20, 20]"]);
    assert_eq!(ask(&repo, "SELECT histogram(timestamp, 10, 20, 2) FROM samples"), ["[10, 11]"]);
    refuse(&repo, "SELECT histogram(timestamp, 5, 5, 2) FROM samples");
}

#[test]
fn every_example_of_the_documentation_can_be_planned() {
    let (repo, signs) = lake();
    commit(&signs, (0..20).map(sample), "first");
    for function in functions() {
        if function.example.contains("embedding") || function.example.contains("phash") {
            continue;
        }
        ask(&repo, function.example);
    }
    assert!(functions().len() >= 16);
}
