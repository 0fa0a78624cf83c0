//! Saved queries, versioned inside the dataset: docs/spec/views.md.

use serde::{Deserialize, Serialize};
use tamis_core::LayerName;
use tamis_query::Filter;
use tamis_repo::Snapshot;

use super::search::names;
use crate::error::{EngineError, Result};
use crate::{Address, Ctx, Engine};

/// What stands before the names of saved queries among a commit's other objects.
const VIEWS: &str = "views/";

/// The longest stored query, in bytes.
const MAX_STORED: usize = 128 * 1024;

/// How far saved queries may speak of each other.
const MAX_CHAIN: usize = 16;

/// A saved query as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    filter: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    slice: bool,
}

/// A saved query to be written.
#[derive(Clone, Debug)]
pub struct ViewRequest {
    /// The dataset, and the branch that the query is committed to.
    pub address: Address,
    /// Its name.
    pub name: String,
    /// The filter.
    pub filter: String,
    /// What it is for.
    pub description: String,
    /// Whether measurements are told for it by itself.
    pub is_slice: bool,
    /// Whether one of that name is replaced; else that is an error.
    pub replace: bool,
    /// What the commit says; by default what was done.
    pub message: Option<String>,
}

/// A change of a saved query.
#[derive(Clone, Debug, Serialize)]
pub struct ViewChanged {
    /// The query's name.
    pub name: String,
    /// The commit that was made; absent where the branch had the same already.
    pub commit: Option<String>,
}

/// A saved query of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewLine {
    /// The name.
    pub name: String,
    /// The filter as it was written.
    pub filter: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether measurements are told for it by itself.
    pub slice: bool,
    /// The filter as it is understood in this commit, all spelled out; absent where it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Why it cannot be used in this commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Engine {
    /// The saved queries of a revision, by name.
    pub fn views(&self, address: &Address) -> Result<Vec<ViewLine>> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        view_names(&snapshot).into_iter().map(|name| line(&snapshot, &name)).collect()
    }

    /// A saved query of a revision.
    ///
    /// # Errors
    /// `repo.not_found`, with names that look alike.
    pub fn view(&self, address: &Address, name: &str) -> Result<ViewLine> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        line(&snapshot, name)
    }

    /// Saves a query, in a commit of its own.
    ///
    /// # Errors
    /// `query.filter` for a filter that cannot be read or names what the branch has not; `repo.exists` where there is one
    /// of that name.
    pub fn save_view(&self, ctx: &Ctx, request: &ViewRequest) -> Result<ViewChanged> {
        let ViewRequest { address, name, .. } = request;
        check_name(name)?;
        let mut edit = self.dataset(&address.dataset)?.transaction(address.revision())?;
        let snapshot = edit.snapshot()?;
        let is_there = view_names(&snapshot).contains(name);
        if is_there && !request.replace {
            let message = format!("there is a view `{name}` in `{}` already", address.dataset);
            return Err(
                EngineError::new("repo.exists", message).hint("replace it with --replace, or choose another name")
            );
        }
        understood(&snapshot, &request.filter, &mut vec![name.clone()])?;
        let (description, filter, slice) = (request.description.clone(), request.filter.clone(), request.is_slice);
        let bytes = serde_json::to_vec(&Stored { description, filter, slice })
            .ok()
            .filter(|bytes| bytes.len() <= MAX_STORED)
            .ok_or_else(|| EngineError::new("usage", format!("the view `{name}` is longer than {MAX_STORED} bytes")))?;
        edit.set_extra(&format!("{VIEWS}{name}"), Some(&bytes))?;
        let done = format!("{} view {name}", if is_there { "change" } else { "add" });
        let outcome = edit.commit(request.message.as_deref().unwrap_or(&done), &ctx.author)?;
        Ok(ViewChanged { name: name.clone(), commit: outcome.commit().map(|commit| commit.id.to_string()) })
    }

    /// Deletes a saved query, in a commit of its own.
    ///
    /// # Errors
    /// `repo.not_found`, with names that look alike.
    pub fn delete_view(&self, ctx: &Ctx, address: &Address, name: &str, message: Option<&str>) -> Result<ViewChanged> {
        let mut edit = self.dataset(&address.dataset)?.transaction(address.revision())?;
        stored(&edit.snapshot()?, name)?;
        edit.set_extra(&format!("{VIEWS}{name}"), None)?;
        let done = format!("delete view {name}");
        let outcome = edit.commit(message.unwrap_or(&done), &ctx.author)?;
        Ok(ViewChanged { name: name.to_owned(), commit: outcome.commit().map(|commit| commit.id.to_string()) })
    }
}

/// The names of a commit's saved queries, in order.
pub(crate) fn view_names(snapshot: &Snapshot) -> Vec<String> {
    snapshot.commit().extra.keys().filter_map(|name| name.strip_prefix(VIEWS)).map(str::to_owned).collect()
}

/// Reads a filter for a commit: names are checked, saved queries replaced by what they say. `chain` are the queries that it
/// stands in.
pub(crate) fn understood(snapshot: &Snapshot, text: &str, chain: &mut Vec<String>) -> Result<Filter> {
    let filter = Filter::parse(text)?;
    names(snapshot)?.check(&filter)?;
    filter.with_views(&mut |name| {
        let broken = |why: String| EngineError::new("query.filter", format!("cannot use the view `{name}`: {why}"));
        if chain.iter().any(|before| before == name) {
            return Err(broken(format!("it comes back to itself by {}", chain.join(", "))));
        }
        if chain.len() >= MAX_CHAIN {
            return Err(broken(format!("more than {MAX_CHAIN} views speak of each other")));
        }
        chain.push(name.to_owned());
        let found = stored(snapshot, name).and_then(|view| understood(snapshot, &view.filter, chain));
        chain.pop();
        let hint = format!("see it with `tamis view show`, change it with `tamis view create {name} --replace`");
        found.map_err(|error| if error.code.id == "query.filter" { broken(error.message).hint(hint) } else { error })
    })
}

fn line(snapshot: &Snapshot, name: &str) -> Result<ViewLine> {
    let Stored { description, filter, slice } = stored(snapshot, name)?;
    let (meaning, problem) = match understood(snapshot, &filter, &mut vec![name.to_owned()]) {
        Ok(filter) => (Some(filter.to_string()), None),
        Err(error) if error.code.id == "query.filter" => (None, Some(error.message)),
        Err(error) => return Err(error),
    };
    Ok(ViewLine { name: name.to_owned(), filter, description, slice, meaning, problem })
}

fn stored(snapshot: &Snapshot, name: &str) -> Result<Stored> {
    let Some(bytes) = snapshot.extra(&format!("{VIEWS}{name}"))? else {
        let known = view_names(snapshot);
        let near = tamis_core::near(name, known.iter().map(String::as_str));
        let near = if near.is_empty() { String::new() } else { format!("; did you mean `{}`?", near.join("` or `")) };
        return Err(EngineError::new("repo.not_found", format!("no view `{name}`{near}"))
            .hint("`tamis view list` lists the views of a dataset"));
    };
    serde_json::from_slice(bytes.get(..bytes.len().min(MAX_STORED)).unwrap_or(&bytes)).map_err(|error| {
        EngineError::new("store.corrupt", format!("cannot read the view `{name}`: {error}"))
            .hint("it may be written by a newer Tamis, or delete it with `tamis view delete`")
    })
}

fn check_name(name: &str) -> Result<()> {
    match LayerName::new(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(EngineError::new("usage", format!("`{}` cannot name a view", name.escape_debug()))
            .hint("use letters, digits, `-`, `_`, `.`, and `/` between parts")),
    }
}
