//! Mapillary Vistas: `<split>/images/x.jpg`, and for each version of the labels `<split>/v2.0/polygons/x.json`,
//! `labels/x.png` (numbers of classes), `instances/x.png` (256 × class + instance) and `panoptic/`; the classes are in
//! `config_v2.0.json`. Versions before 1.2 have the folders beside `images` and a `config.json`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tamis_core::{Class, Label, LabelType, Mask, MaskInfo, MaskKind, Place, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::{Gather, has};
use crate::lex::json::as_id;
use crate::lex::{object, text};
use crate::out;
use crate::paths::{name, stem};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::{OptionSpec, Spec};

static SPEC: Spec = Spec {
    options: &[OptionSpec {
        name: "version",
        values: &["newest", "v2.0", "v1.2"],
        default: "newest",
        help: "which version of the labels to read",
    }],
    ..reads::spec(
        "mapillary_vistas",
        "Mapillary Vistas",
        "https://www.mapillary.com/dataset/vistas",
        &["json", "png"],
        &[
            LabelType::Polygon,
            LabelType::MultiPolygon,
            LabelType::SemanticMask,
            LabelType::InstanceMask,
            LabelType::PanopticMask,
        ],
    )
};

/// Mapillary Vistas.
pub(crate) static MAPILLARY: Reads = Reads { spec: &SPEC, detect, read };

fn is_config(path: &str) -> bool {
    name(path).starts_with("config") && name(path).ends_with(".json")
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let is_it = |path: &str| {
        let head = probe.head(path, 8192);
        is_config(path) && has(&text::decode(&head), &["labels", "readable", "instances"])
    };
    match probe.with_extension("json").iter().find(|e| is_it(&e.path)) {
        Some(first) => Confidence::new(97, format!("found `{}` with classes of Mapillary Vistas", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let configs: Vec<&str> = gather.files("json").into_iter().filter(|p| is_config(p)).collect();
    let wanted = gather.option("version")?.to_owned();
    let fits = |config: &&&str| wanted == "newest" || config.ends_with(&format!("{wanted}.json"));
    // By name: `config_v2.0.json` comes after `config_v1.2.json`, and both after `config.json`.
    let Some(config) = configs.iter().filter(fits).max_by_key(|c| stem(name(c))) else {
        return Err(gather.nothing("there is no `config_v2.0.json` or `config_v1.2.json` of the version wanted"));
    };
    let version = stem(name(config)).strip_prefix("config_").map_or(String::new(), |v| format!("{v}/"));
    let settings = gather.object(config).unwrap_or_default();
    for (id, entry) in (0..).zip(object::objects(&settings, "labels")) {
        let Some(class) = object::text(entry, "name") else { continue };
        let rgb: Vec<u8> = object::list(entry, "color").iter().filter_map(|v| v.as_u64()?.try_into().ok()).collect();
        let description = object::text(entry, "readable").unwrap_or_default().to_owned();
        let color = <[u8; 3]>::try_from(rgb).ok();
        gather.classes.push(Class { name: class.to_owned(), id: Some(id), color, description, ..Class::default() });
    }
    let segments = segments(gather, &version);
    let images: Vec<&str> = gather.index.all().filter(|p| out::below(p, "images").1.len() < p.len()).collect();
    for image in images {
        let mut record = gather.of_file(image);
        let beside = |home: &str, extension: &str| {
            let path = out::beside(image, "images", &format!("{version}{home}"), extension)?;
            Some(gather.source.find(&path)?.path.as_str())
        };
        let mut labels = Vec::new();
        let polygons = beside("polygons", "json");
        if let Some(file) = polygons {
            labels.extend(objects(gather, file, &mut record));
        }
        let kinds =
            [("labels", MaskKind::Semantic), ("instances", MaskKind::Instance), ("panoptic", MaskKind::Panoptic)];
        let found: Vec<(&str, MaskKind)> =
            kinds.into_iter().filter_map(|(home, kind)| Some((beside(home, "png")?, kind))).collect();
        for (file, kind) in found {
            gather.used(file);
            let info = if kind == MaskKind::Panoptic { segments.get(file).cloned() } else { None };
            let mask = Mask { kind, blob: None, file: Some(file.to_owned()), info: info.unwrap_or_default() };
            labels.push(Label::new(Shape::Mask(mask)));
        }
        if polygons.is_some() || !labels.is_empty() {
            record.layers.insert(gather.layer.clone(), labels);
        }
        gather.put(record, &|| Place::file(image))?;
    }
    Ok(())
}

/// The polygons of an image; most objects have one ring.
fn objects(gather: &Gather<'_>, file: &str, record: &mut SampleRecord) -> Vec<Label> {
    let Some(all) = gather.object(file) else { return Vec::new() };
    // The files of version 2.0 spell it `heigth` at times.
    let stated = object::size(&all, "width", "height").or_else(|| object::size(&all, "width", "heigth"));
    record.stated_size = stated.or(record.stated_size);
    let mut out = Vec::new();
    let whole = || Place::file(file).at("/objects");
    for (at, entry) in gather.judge.objects(&all, "objects", &whole).into_iter().enumerate() {
        let place = || Place::file(file).at(format!("/objects/{at}"));
        let corners = object::list(entry, "polygon");
        // One ring of pairs, or several of numbers x, y, x, y, …
        let is_pair = |v: &Value| v.as_array().is_some_and(|p| p.len() == 2 && p.iter().all(Value::is_number));
        let rings = if corners.iter().all(is_pair) {
            object::pairs(corners).map(|ring| vec![ring])
        } else {
            corners.iter().map(|ring| object::flat(ring.as_array()?)).collect()
        };
        match rings.filter(|rings| !rings.is_empty() && rings.iter().all(|ring| ring.len() >= 3)) {
            Some(mut rings) => {
                let shape = match rings.len() {
                    1 => Shape::Polygon(rings.swap_remove(0)),
                    _ => Shape::MultiPolygon(rings),
                };
                let mut label = Label::new(shape);
                label.class = object::text(entry, "label").map(str::to_owned);
                out.push(label);
            }
            None => gather.judge.error("polygon", place(), "an object has no ring of three points; left out"),
        }
    }
    out
}

/// The segments of the panoptic masks of a version, by mask; classes are those of the configuration, by name.
fn segments(gather: &Gather<'_>, version: &str) -> BTreeMap<String, Vec<MaskInfo>> {
    let mut out = BTreeMap::new();
    for file in gather.files("json") {
        let Some((home, _)) = file.rsplit_once('/').filter(|(home, _)| home.ends_with(&format!("{version}panoptic")))
        else {
            continue;
        };
        let Some(all) = gather.object(file) else { continue };
        let number = |name: &str| gather.classes.iter().find(|c| c.name == name).and_then(|c| c.id);
        let category = |c: &Map<String, Value>| Some((c.get("id").and_then(as_id)?, number(object::text(c, "name")?)));
        let categories: BTreeMap<i64, Option<i64>> = object::objects(&all, "categories").filter_map(category).collect();
        for entry in object::objects(&all, "annotations") {
            let Some(mask) = object::text(entry, "file_name") else { continue };
            let segment = |s: &Map<String, Value>| {
                let class_id = s.get("category_id").and_then(as_id).and_then(|c| categories.get(&c).copied().flatten());
                let crowd = s.get("iscrowd").filter(|v| as_id(v) == Some(1));
                let attributes = crowd.map(|v| ("iscrowd".to_owned(), v.clone())).into_iter().collect();
                MaskInfo { instance: s.get("id").and_then(as_id), class_id, attributes }
            };
            let all = object::objects(entry, "segments_info").map(segment).collect();
            out.insert(format!("{home}/{mask}"), all);
        }
    }
    out
}
