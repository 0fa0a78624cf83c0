//! Starting, answering, stopping.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tamis_core::Cancel;
use tamis_engine::{Author, Engine, EngineError};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::caller::{Caller, admit};
use crate::error::{Result, ServeError};
use crate::guard::guard;
use crate::metrics;
use crate::problem::{INTERNAL, METHOD, Problem};
use crate::routes;
use crate::ui::Ui;

/// How long answers may take to end once the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The folder of a built web UI; [`None`]: the one in the program.
    pub ui: Option<PathBuf>,
    /// Log failures only, not every request.
    pub is_quiet: bool,
    /// Who the one person of this server is.
    pub author: Author,
}

/// Serves a lake until the process is asked to stop (Ctrl-C, SIGTERM); tells `started` the address that it listens at.
///
/// Once asked to stop, it takes no new connections, asks jobs to stop, and gives open answers ten seconds to end.
/// It logs to stderr, a line for each request.
///
/// # Errors
/// [`ServeError`]: the address cannot be had or is one that others reach, the UI's folder has no page.
pub fn serve(engine: Engine, options: &ServeOptions, started: impl FnOnce(SocketAddr)) -> Result<()> {
    if !options.bind.ip().is_loopback() {
        return Err(ServeError::Open(options.bind));
    }
    let ui = Ui::open(options.ui.clone())?;
    log(options.is_quiet);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(512).build()?;
    let stopping = Cancel::default();
    let app = App::new(engine, options.author.clone(), ui, stopping.clone());
    let ended: Result<()> = runtime.block_on(async {
        let bind = |source| ServeError::Bind { address: options.bind, source };
        let listener = tokio::net::TcpListener::bind(options.bind).await.map_err(bind)?;
        started(listener.local_addr()?);
        let (say, said) = tokio::sync::watch::channel(false);
        let jobs = app.clone();
        let stop = async move {
            asked_to_stop().await;
            tracing::info!("stopping");
            stopping.cancel();
            // Nobody may listen any more.
            say.send_replace(true);
            jobs.jobs.stop().await;
        };
        let mut said = said;
        let answering = axum::serve(listener, routes_of(app)).with_graceful_shutdown(stop);
        tokio::select! {
            ended = async { answering.await } => Ok(ended?),
            () = async { drop(said.wait_for(|stop| *stop).await); tokio::time::sleep(GRACE).await } => Ok(()),
        }
    });
    // Work that does not look at its cancellation ends with the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended
}

/// Resolves when the process is asked to stop.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut ended) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            drop(interrupted.await);
            return;
        };
        tokio::select! {
            _ = interrupted => {},
            _ = ended.recv() => {},
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}

/// All routes over a lake, without a listener: what [`serve`] answers with.
///
/// # Errors
/// [`ServeError::NoUi`].
pub fn router(engine: Engine, options: &ServeOptions) -> Result<Router> {
    let ui = Ui::open(options.ui.clone())?;
    Ok(routes_of(App::new(engine, options.author.clone(), ui, Cancel::default())))
}

fn routes_of(app: App) -> Router {
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let packed = Router::new().nest("/api/v1", routes::api()).fallback(routes::page).layer(compression);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(counts))
        .nest("/api/v1", routes::plain())
        .merge(packed)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(|_| Problem::new(&INTERNAL, "the answer stopped unexpectedly").into_response()))
        .layer(from_fn(admit))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

async fn no_method(uri: Uri) -> Problem {
    Problem::new(&METHOD, format!("{} does not know the method", uri.path()))
}

/// Whether the lake answers.
async fn ready(State(app): State<App>, caller: Caller) -> std::result::Result<&'static str, Problem> {
    app.run(caller.ctx, |app, _| {
        app.engine.repo().datasets().map_err(EngineError::from)?;
        Ok(())
    })
    .await?;
    Ok("ready\n")
}

async fn counts(State(app): State<App>) -> std::result::Result<Response, Problem> {
    let text = metrics::text(&app.metrics, &app.engine, app.jobs.counts())
        .map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Logs to stderr: lines for a person at a terminal, else one JSON object each. Nothing where somebody logs already.
fn log(is_quiet: bool) {
    let level = if is_quiet { tracing::Level::WARN } else { tracing::Level::INFO };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    let begun = match std::io::stderr().is_terminal() {
        true => lines.compact().try_init(),
        false => lines.json().flatten_event(true).try_init(),
    };
    if begun.is_err() {
        tracing::debug!("another log is in use");
    }
}
