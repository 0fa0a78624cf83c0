//! Over a socket: starting, refusing, clients that go away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use tamis_server::{ServeError, ServeOptions, serve};

use crate::{World, options};

/// A server on a port of its own, for as long as the test runs.
fn started(world: &World) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    let engine = world.engine.clone();
    std::thread::spawn(move || serve(engine, &options(), |address| tell.send(address).unwrap()));
    told.recv_timeout(Duration::from_secs(20)).unwrap()
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = open(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"))
}

#[test]
fn a_server_tells_how_it_is() {
    let world = World::new();
    let address = started(&world);
    assert!(get(address, "/healthz").ends_with("ok\n"));
    assert!(get(address, "/readyz").ends_with("ready\n"));
    assert!(get(address, "/api/v1/datasets").contains("acme/street"));
    let page = get(address, "/d/acme/street/explore");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<!doctype html>"), "{page}");
    let counts = get(address, "/metrics");
    let line = "tamis_request_seconds_count{method=\"GET\",route=\"/api/v1/datasets\",status=\"200\"} 1";
    assert!(counts.contains(line), "{counts}");
    let packed = ask(
        address,
        &format!("GET /api/v1/formats HTTP/1.1\r\nhost: {address}\r\naccept-encoding: br\r\nconnection: close\r\n\r\n"),
    );
    assert!(packed.contains("content-encoding: br"));
}

#[test]
fn addresses_that_others_reach_are_refused() {
    let world = World::new();
    for bind in ["0.0.0.0:0", "[::]:0"] {
        let options = ServeOptions { bind: bind.parse().unwrap(), ..options() };
        let refused = serve(world.engine.clone(), &options, |_| panic!("listens"));
        assert!(matches!(&refused, Err(error @ ServeError::Open(_)) if error.hint().contains("--bind 127.0.0.1")));
    }
    let options = ServeOptions { ui: Some(world.dir.path().to_owned()), ..options() };
    assert!(matches!(serve(world.engine.clone(), &options, |_| ()), Err(ServeError::NoUi(_))));
}

#[test]
fn clients_that_go_away_or_talk_nonsense_harm_nobody() {
    let world = World::new();
    let address = started(&world);
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    for path in ["/api/v1/datasets/acme/street/check", "/api/v1/datasets/acme/street/events", "/api/v1/datasets"] {
        for _ in 0..20 {
            let mut stream = open(address);
            stream.write_all(head(path).as_bytes()).unwrap();
            drop(stream);
        }
    }
    // Half a body, then nothing.
    let mut half = open(address);
    let begun = "POST /api/v1/import HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    half.write_all(begun.as_bytes()).unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /a b c HTTP/1.1\r\n\r\n"] {
        assert!(!ask(address, nonsense).starts_with("HTTP/1.1 200"));
    }
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\nconnection: close\r\n\r\n", "y".repeat(1 << 20));
    let mut stream = open(address);
    // The server may close before it has read everything.
    if stream.write_all(long.as_bytes()).is_ok() {
        let mut said = [0; 12];
        if let Ok(()) = stream.read_exact(&mut said) {
            assert!(said.starts_with(b"HTTP/1.1 431"));
        }
    }
    assert!(get(address, "/api/v1/datasets").contains("acme/street"));
    let active = get(address, "/metrics");
    assert!(active.contains("# TYPE tamis_requests_active gauge"));
}
