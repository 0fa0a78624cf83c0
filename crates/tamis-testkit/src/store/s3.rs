//! A real S3 server on this machine: `moto` from the test environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tamis_store::Location;

/// Serves until its input ends. Writes are done one at a time: S3 decides conditional puts
/// atomically, `moto` by itself does not.
const SCRIPT: &str = r#"
import os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server, WSGIRequestHandler

inner = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()

def atomic(environ, start_response):
    if environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE"):
        with lock:
            return [b"".join(inner(environ, start_response))]
    return inner(environ, start_response)

class Quiet(WSGIRequestHandler):
    def log(self, *args, **kwargs):
        pass

server = make_server("127.0.0.1", 0, atomic, threaded=True, request_handler=Quiet)
print(server.port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
"#;

/// A running server with one bucket, `lake`; it ends when dropped.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    port: u16,
}

impl S3Server {
    /// Starts a server on a free port. [`None`], with a message, where the test environment
    /// (`scripts/venv.sh`) is absent.
    pub fn start() -> Option<S3Server> {
        let venv = std::env::var_os("TAMIS_VENV")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/tamis-venv")))?;
        let server = S3Server::spawn(&venv.join("bin/python"));
        if server.is_none() {
            skip(&format!("no moto in {}; run scripts/venv.sh", venv.display()));
        }
        server
    }

    fn spawn(python: &std::path::Path) -> Option<S3Server> {
        let mut child = Command::new(python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let Ok(port) = line.trim().parse() else {
            drop(child.kill().and_then(|()| child.wait()));
            return None;
        };
        let server = S3Server { child, port };
        server.make_bucket()?;
        Some(server)
    }

    fn make_bucket(&self) -> Option<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = "PUT /lake HTTP/1.0\r\nHost: s3.amazonaws.com\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_whitespace().nth(1).filter(|status| *status == "200").map(drop)
    }

    /// The URL of a lake at a prefix of the bucket.
    pub fn url(&self, prefix: &str) -> String {
        format!(
            "s3://lake/{prefix}?endpoint=http://127.0.0.1:{}&region=us-east-1&access_key_id=test&secret_access_key=test",
            self.port
        )
    }

    /// The location of a lake at a prefix of the bucket.
    pub fn location(&self, prefix: &str) -> Option<Location> {
        Location::parse(&self.url(prefix)).ok()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Says that a test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
