//! The one catalog: a lake's datasets as schemas, their tables by name.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use parking_lot::Mutex;
use tamis_core::near;
use tamis_repo::{Dataset, Repo, Snapshot};

use super::name::{self, TableName};
use super::table::{Kind, TreeTable};
use super::{blocking, column, history};
use crate::error::{QueryError, Result, quoted};

/// The name of the catalog, and of the schema of tables without a dataset.
pub(crate) const LAKE: &str = "lake";
pub(crate) const DEFAULT: &str = "default dataset";

/// The tables that every revision has.
const ALWAYS: [&str; 5] = ["samples", "annotations", "log", "ontology", "sensors"];

/// The functions that stand where a table stands.
const FUNCTIONS: [&str; 3] = ["diff", "generate_series", "range"];

/// A lake as one statement sees it: each dataset and revision is looked up once, so that the whole
/// statement reads the same commits.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) repo: Repo,
    /// The dataset of names without one, `name[@revision]`.
    pub(crate) default: Option<String>,
    seen: Mutex<HashMap<String, (Dataset, Snapshot)>>,
}

impl Lake {
    pub(crate) fn new(repo: &Repo, default: Option<&str>) -> Arc<Lake> {
        Arc::new(Lake { repo: repo.clone(), default: default.map(str::to_owned), seen: Mutex::default() })
    }

    /// A dataset and what a revision of it holds.
    pub(crate) fn revision(&self, address: &str) -> Result<(Dataset, Snapshot)> {
        if let Some(seen) = self.seen.lock().get(address) {
            return Ok(seen.clone());
        }
        let (dataset, revision) = name::split(address);
        let dataset = name::dataset(&self.repo, dataset)?;
        let snapshot = name::snapshot(&dataset, revision)?;
        self.seen.lock().insert(address.to_owned(), (dataset.clone(), snapshot.clone()));
        Ok((dataset, snapshot))
    }

    fn table(&self, name: &TableName) -> Result<Arc<dyn TableProvider>> {
        let known = name.table.as_str();
        let Some(address) = name.dataset.clone().or_else(|| self.default.clone()) else {
            return match self.repo.datasets()?.iter().any(|dataset| dataset.as_str() == known) {
                // The name of a dataset where a table is wanted.
                true => Err(self.unknown(known, ALWAYS.iter().map(|table| format!("{known}.{table}")).collect())),
                false => Err(QueryError::NoDataset { name: known.to_owned() }),
            };
        };
        let (dataset, snapshot) = self.revision(&address)?;
        let full = format!("{address}.{known}");
        let tree = |table, kind, shown| Arc::new(TreeTable::new(full.clone(), table, kind, shown)) as _;
        Ok(match known {
            "samples" => tree(snapshot.table().clone(), Kind::Rows, column::samples(snapshot.schema())),
            "annotations" => tree(snapshot.table().clone(), Kind::Labels, column::annotations(snapshot.schema())),
            "log" => history::log(&dataset, &snapshot)?,
            "ontology" => history::ontology(&snapshot)?,
            "sensors" => history::sensors(&snapshot)?,
            other => match snapshot.other_table(other)? {
                Some(table) => {
                    let shown = column::other(table.schema());
                    tree(table, Kind::Rows, shown)
                }
                None => {
                    let others = snapshot.commit().tables.keys().map(String::as_str);
                    let mut names: Vec<&str> = ALWAYS.iter().copied().chain(others).collect();
                    names.dedup();
                    let written = |table: &&str| match &name.dataset {
                        Some(dataset) => format!("{dataset}.{table}"),
                        None => (*table).to_owned(),
                    };
                    return Err(self.unknown(&name_of(name), names.iter().map(written).collect()));
                }
            },
        })
    }

    fn unknown(&self, name: &str, known: Vec<String>) -> QueryError {
        let mut sorted = known;
        sorted.sort();
        sorted.dedup();
        let near = near(name, sorted.iter().map(String::as_str)).iter().map(|name| quoted(name)).collect();
        let known = sorted.iter().map(|name| quoted(name)).collect();
        QueryError::NoTable { name: name.to_owned(), near, known, shown: None }
    }
}

fn name_of(name: &TableName) -> String {
    match &name.dataset {
        Some(dataset) => format!("{dataset}.{}", name.table),
        None => name.table.clone(),
    }
}

/// The list with the one catalog; nothing can be added.
#[derive(Debug)]
pub(crate) struct OneCatalog(pub(crate) Arc<Lake>);

impl CatalogProviderList for OneCatalog {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![LAKE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == LAKE).then(|| Arc::new(LakeCatalog(Arc::clone(&self.0))) as _)
    }
}

#[derive(Debug)]
struct LakeCatalog(Arc<Lake>);

impl CatalogProvider for LakeCatalog {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let dataset = (name != DEFAULT).then(|| name.to_owned());
        Some(Arc::new(DatasetSchema { lake: Arc::clone(&self.0), dataset }))
    }
}

#[derive(Debug)]
struct DatasetSchema {
    lake: Arc<Lake>,
    /// With its revision; [`None`]: it stands in the table's name, or is the default one.
    dataset: Option<String>,
}

#[async_trait]
impl SchemaProvider for DatasetSchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let name = match &self.dataset {
            Some(dataset) => TableName { dataset: Some(dataset.clone()), table: name.to_owned() },
            None => TableName::parse(name),
        };
        // Functions in FROM are looked for as tables first.
        if name.dataset.is_none() && FUNCTIONS.contains(&name.table.as_str()) {
            return Ok(None);
        }
        Ok(Some(blocking(|| self.lake.table(&name))?))
    }

    fn table_exist(&self, _: &str) -> bool {
        false
    }
}
