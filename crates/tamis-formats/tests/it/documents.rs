//! The page about formats says what the table says.

#[test]
fn the_page_about_formats_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let wanted = tamis_formats::capability_markdown(&tamis_formats::specs());
    if std::env::var_os("TAMIS_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/formats.md is stale: run `TAMIS_BLESS=1 cargo test -p tamis-formats documents`");
}

#[test]
fn the_table_is_sound() {
    let specs = tamis_formats::specs();
    let matrix = tamis_formats::capability_text(&specs);
    assert_eq!(matrix.lines().find(|l| l.chars().count() > 100), None);
    for spec in &specs {
        assert!(matrix.lines().any(|l| l.split(' ').next() == Some(spec.id)), "{}", spec.id);
        assert_eq!(specs.iter().filter(|s| s.id == spec.id).count(), 1, "{} stands twice", spec.id);
        let described = tamis_formats::describe(spec);
        assert!(described.contains(spec.title) && described.contains("\n  layout  "), "{described}");
        let layout = described.lines().find(|l| l.starts_with("  layout")).unwrap_or_default();
        assert!(layout.len() > "  layout  ".len(), "{} has no layout", spec.id);
        let too_long = |l: &&str| l.chars().count() > 100 && l.trim().contains(' ') && !l.contains("http");
        assert_eq!(described.lines().find(too_long), None);
        for loss in spec.losses {
            assert_eq!(spec.losses.iter().filter(|l| l.code == loss.code).count(), 1, "{}.{}", spec.id, loss.code);
        }
        for option in spec.options {
            assert!(option.values.is_empty() || option.values.contains(&option.default), "{}.{}", spec.id, option.name);
        }
    }
}
