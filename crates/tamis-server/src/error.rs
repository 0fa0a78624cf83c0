//! Why a server does not start.

use std::net::SocketAddr;

use tamis_core::{Classify, Kind};

/// The result of starting a server.
pub type Result<T> = std::result::Result<T, ServeError>;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Others could reach the address, and there are no accounts that would tell who they are.
    #[error("cannot serve on {0}: others can reach it, and there are no accounts yet")]
    Open(SocketAddr),
    /// The address is taken, not of this machine, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The folder of the web UI has no page.
    #[error("cannot show the web UI of {0}: it has no index.html")]
    NoUi(String),
    /// The operating system refuses threads or sockets.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}

impl Classify for ServeError {
    fn kind(&self) -> Kind {
        match self {
            ServeError::Open(_) => Kind::Denied,
            ServeError::Bind { .. } | ServeError::NoUi(_) => Kind::Invalid,
            ServeError::Io(_) => Kind::Io,
        }
    }
}

impl ServeError {
    /// What to do, in the imperative; may be empty.
    pub fn hint(&self) -> &'static str {
        match self {
            ServeError::Open(_) => {
                "bind a loopback address (--bind 127.0.0.1:7878) and reach it from elsewhere through ssh -L 7878:127.0.0.1:7878"
            }
            ServeError::Bind { .. } => "choose another address with --bind; port 0 takes a free one",
            ServeError::NoUi(_) => "build it with `make ui`",
            ServeError::Io(_) => "",
        }
    }
}
