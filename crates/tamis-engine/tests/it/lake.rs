//! A lake of small pictures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use tamis_core::{DatasetName, Media, Sample, Value};
use tamis_engine::ops::derive::{Define, DeriveReport, DeriveRequest, Spent};
use tamis_engine::{Author, Ctx, Engine};
use tamis_table::{Columns, Projection, ScanOptions};

static LAKES: AtomicU64 = AtomicU64::new(0);

/// A lake in memory with one dataset.
pub(crate) struct Lake {
    pub(crate) engine: Engine,
    pub(crate) name: DatasetName,
}

/// What a sample is to hold.
pub(crate) enum Content {
    /// A grey picture of one brightness.
    Grey(u8),
    /// Bytes that are no picture.
    Broken,
    /// No media, but a field `caption`.
    Caption(String),
}

impl Lake {
    pub(crate) fn new() -> Lake {
        let place = format!("memory://engine-{}", LAKES.fetch_add(1, Ordering::Relaxed));
        let lake = Lake { engine: Engine::init(&place).unwrap(), name: "team/greys".parse().unwrap() };
        lake.engine.repo().create(&lake.name, &author()).unwrap();
        lake
    }

    /// Another dataset of the same lake.
    pub(crate) fn beside(&self, name: &str) -> Lake {
        let lake = Lake { engine: self.engine.clone(), name: name.parse().unwrap() };
        lake.engine.repo().create(&lake.name, &author()).unwrap();
        lake
    }

    pub(crate) fn put(&self, samples: &[(&str, Content)]) {
        let mut edit = self.engine.dataset(&self.name).unwrap().transaction("main").unwrap();
        for (path, content) in samples {
            let mut sample = Sample { path: (*path).to_owned(), ..Sample::default() };
            let bytes = match content {
                Content::Grey(level) => Some(grey(*level)),
                Content::Broken => Some(b"not a picture".to_vec()),
                Content::Caption(text) => {
                    sample.fields.insert("caption".to_owned(), Value::from(text.as_str()));
                    None
                }
            };
            if let Some(bytes) = bytes {
                let blob = edit.put_blob(&bytes).unwrap();
                sample.media = Some(Media { blob: Some(blob), size: bytes.len() as u64, ..Media::default() });
            }
            edit.put(sample).unwrap();
        }
        edit.commit("put", &author()).unwrap();
    }

    pub(crate) fn delete(&self, path: &str) {
        let mut edit = self.engine.dataset(&self.name).unwrap().transaction("main").unwrap();
        edit.delete(path).unwrap();
        edit.commit("delete", &author()).unwrap();
    }

    pub(crate) fn request(&self, field: &str, define: Option<Define>) -> DeriveRequest {
        DeriveRequest {
            dataset: self.name.clone(),
            branch: "main".to_owned(),
            field: Some(field.to_owned()),
            define,
            dry_run: false,
            message: None,
        }
    }

    pub(crate) fn derive(&self, field: &str) -> DeriveReport {
        self.engine.derive(&ctx(), &self.request(field, None)).unwrap()
    }

    pub(crate) fn spent(&self, field: &str) -> Spent {
        self.derive(field).fields.remove(0).spent.unwrap()
    }

    /// Every sample's value of a derived field of one number.
    pub(crate) fn numbers(&self, field: &str) -> BTreeMap<String, Option<f64>> {
        let snapshot = self.engine.dataset(&self.name).unwrap().snapshot("main").unwrap();
        let group = format!("derived/{field}");
        let fields = snapshot.schema().group(&group).unwrap().fields.clone();
        let columns = Columns::none(snapshot.schema());
        let columns = columns.with(snapshot.schema(), &group, Projection::all(&fields)).unwrap();
        let mut values = BTreeMap::new();
        for batch in snapshot.table().scan(ScanOptions::new(columns)).unwrap() {
            let batch = batch.unwrap();
            let rows = batch.groups.iter().flatten().next().unwrap().clone();
            let column = rows.column(0).as_primitive::<Float64Type>().clone();
            for row in 0..batch.len() {
                let path = String::from_utf8(batch.keys.value(row).to_vec()).unwrap();
                values.insert(path, column.is_valid(row).then(|| column.value(row)));
            }
        }
        values
    }
}

pub(crate) fn author() -> Author {
    Author::new("Ada", "ada@example.org")
}

pub(crate) fn ctx() -> Ctx {
    Ctx::new(author())
}

/// A picture of one brightness.
pub(crate) fn grey(level: u8) -> Vec<u8> {
    tamis_media::encode_png(&tamis_media::Image::grey8(8, 6, vec![level; 48]).unwrap()).unwrap()
}
