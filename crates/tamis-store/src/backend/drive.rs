//! Runs the object store's asynchronous calls for synchronous callers.
//!
//! One small runtime serves the whole process; a caller's thread waits on a channel, so that calls
//! work from any thread, also from threads of another runtime. What needs no waiting (memory) is
//! done on the caller's thread.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};

use crate::error::{Result, StoreError};

/// Threads of the runtime; requests wait for the network, not for a core.
const THREADS: usize = 2;

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("tamis-store").enable_all().build().ok()
        })
        .as_ref()
        .ok_or(StoreError::Internal("the runtime for network requests cannot be started"))
}

/// Waits for a future that needs the network.
pub(crate) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // Nobody waits any more only when the caller's thread is gone.
        drop(sender.send(future.await));
    });
    receiver.recv().map_err(|_| StoreError::Internal("a network request ended without an answer"))
}

/// The value of a future that is ready at once; [`None`] when it would have to wait.
pub(crate) fn poll_now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
