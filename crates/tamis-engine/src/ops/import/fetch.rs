//! Media at addresses of the web: fetched from hosts that were named, and from no others.

use std::io::{self, Read, Write};
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;

/// Bytes of one file at most, where nothing else is said.
pub(super) const MOST: u64 = 1 << 30;
const TRIES: u32 = 4;
const REDIRECTS: usize = 5;

/// Fetches files. Redirects are followed only to hosts that are allowed too.
#[derive(Debug)]
pub(in crate::ops) struct Fetcher {
    hosts: Vec<String>,
    most: u64,
    client: Client,
}

/// Why a file was not fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotFetched {
    /// Its host was not named.
    NotAllowed(String),
    /// What went wrong.
    Failed(String),
}

/// Whether a host is one of those named; `*.example.org` stands for all below `example.org`.
fn is_allowed(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|allowed| match allowed.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => allowed.eq_ignore_ascii_case(host),
    })
}

impl Fetcher {
    /// A fetcher for some hosts.
    pub(super) fn new(hosts: &[String], most: Option<u64>) -> Result<Fetcher, String> {
        let known = hosts.to_vec();
        let policy = Policy::custom(move |attempt| {
            let host = attempt.url().host_str().unwrap_or_default().to_owned();
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else if is_allowed(&known, &host) {
                attempt.follow()
            } else {
                attempt.error(format!("it redirects to `{host}`, which is not allowed"))
            }
        });
        let client = Client::builder()
            .redirect(policy)
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(600))
            .user_agent(concat!("tamis/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Fetcher { hosts: hosts.to_vec(), most: most.unwrap_or(MOST), client })
    }

    /// The bytes at an address. Busy servers are asked again, four times in all.
    pub(super) fn fetch(&self, url: &str) -> Result<Vec<u8>, NotFetched> {
        let mut bytes = Vec::new();
        self.copy(url, &mut bytes).map(|()| bytes)
    }

    /// The same into a file.
    pub(super) fn copy(&self, url: &str, out: &mut impl Write) -> Result<(), NotFetched> {
        let failed = |e: &dyn std::fmt::Display| NotFetched::Failed(e.to_string());
        let url = Url::parse(url).map_err(|e| failed(&e))?;
        let host = url.host_str().unwrap_or_default();
        if !is_allowed(&self.hosts, host) {
            return Err(NotFetched::NotAllowed(host.to_owned()));
        }
        let mut pause = Duration::from_millis(300);
        for attempt in 1.. {
            let outcome = self.client.get(url.clone()).send();
            let is_passing = match &outcome {
                Ok(answer) => answer.status().is_server_error() || answer.status().as_u16() == 429,
                Err(error) => error.is_timeout() || error.is_connect(),
            };
            if is_passing && attempt < TRIES {
                std::thread::sleep(pause);
                pause *= 2;
                continue;
            }
            // Without the address: it may hold a key.
            return self.body(outcome.map_err(|e| failed(&causes(&e.without_url())))?, out);
        }
        Err(NotFetched::Failed("no answer".to_owned()))
    }

    fn body(&self, answer: Response, out: &mut impl Write) -> Result<(), NotFetched> {
        if !answer.status().is_success() {
            return Err(NotFetched::Failed(format!("the server answered {}", answer.status())));
        }
        let too_large = || NotFetched::Failed(format!("it is larger than the {} bytes allowed", self.most));
        if answer.content_length().is_some_and(|length| length > self.most) {
            return Err(too_large());
        }
        let read = io::copy(&mut answer.take(self.most.saturating_add(1)), out);
        let length = read.map_err(|e| NotFetched::Failed(e.to_string()))?;
        if length > self.most { Err(too_large()) } else { Ok(()) }
    }
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that gives these answers, one a connection.
    fn serve(answers: Vec<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        port
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    #[test]
    fn hosts_are_allowed_by_name_or_below_a_domain() {
        let hosts = ["a.org".to_owned(), "*.b.org".to_owned()];
        for (host, allowed) in [
            ("a.org", true),
            ("A.ORG", true),
            ("x.a.org", false),
            ("c.b.org", true),
            ("b.org", false),
            ("xb.org", false),
        ] {
            assert_eq!(is_allowed(&hosts, host), allowed, "{host}");
        }
    }

    #[test]
    fn files_come_from_named_hosts_only_and_within_limits() {
        let local = ["127.0.0.1".to_owned()];
        let fetcher = Fetcher::new(&local, Some(8)).unwrap();
        let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
        let port = serve(vec![busy, ok("12345678")]);
        assert_eq!(fetcher.fetch(&format!("http://127.0.0.1:{port}/a")).unwrap(), b"12345678");
        let port = serve(vec![ok("123456789")]);
        let NotFetched::Failed(reason) = fetcher.fetch(&format!("http://127.0.0.1:{port}/a")).unwrap_err() else {
            panic!("a file over the limit was fetched")
        };
        assert!(reason.contains("larger"), "{reason}");
        let away =
            "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let port = serve(vec![away.to_owned()]);
        let NotFetched::Failed(reason) = fetcher.fetch(&format!("http://127.0.0.1:{port}/a")).unwrap_err() else {
            panic!("a redirect to another host was followed")
        };
        assert!(reason.contains("not allowed"), "{reason}");
        assert_eq!(fetcher.fetch("http://localhost/x"), Err(NotFetched::NotAllowed("localhost".into())));
    }
}
