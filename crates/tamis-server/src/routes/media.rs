//! Media and small pictures of them. They are other people's bytes: nothing in them may run in the page's origin.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tamis_engine::Address;
use tamis_engine::ops::media::OpenMedia;
use tamis_engine::ops::preview::{PreviewAt, PreviewRequest};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::{Answer, IMMUTABLE, NO_CACHE};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{At, Params};
use crate::problem::{Problem, RANGE};
use crate::thumbs::{self, Thumb};

/// Bytes that are read and sent at once.
const PART: u64 = 1 << 20;
/// How long a client may take for what was sent before.
const STALL: Duration = Duration::from_secs(60);
/// Scripts, frames, forms and requests are off; a picture may style itself.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'");

#[derive(Deserialize)]
pub(super) struct Wanted {
    v: Option<String>,
    size: Option<u32>,
    frame: Option<u64>,
    at: Option<f64>,
    #[serde(default)]
    spectrum: bool,
}

/// Whether the address names the content by its id or the beginning of it.
fn is_named(v: Option<&String>, blob: Option<&String>) -> bool {
    v.zip(blob).is_some_and(|(v, blob)| v.len() >= 16 && blob.starts_with(v.as_str()))
}

pub(super) async fn media(
    State(app): State<App>,
    caller: Caller,
    at: At,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let is_pinned = at.is_pinned();
    let (media, mime, address) = app
        .run(caller.ctx, move |app, _| {
            let media = app.engine.open_media(&at.address)?;
            let mime = media.mime()?.unwrap_or("application/octet-stream");
            Ok((media, mime, at))
        })
        .await?;
    let kept = if is_pinned || is_named(wanted.v.as_ref(), media.blob.as_ref()) { IMMUTABLE } else { NO_CACHE };
    if media.blob.is_some() && media.blob == address.known {
        return Ok(with(StatusCode::NOT_MODIFIED.into_response(), media.blob.as_deref(), kept));
    }
    let whole = media.len();
    let tag = media.blob.clone();
    let part = if may_range(&headers, tag.as_deref()) { range(&headers, whole)? } else { None };
    let mut response = stream(media, part.clone().unwrap_or(0..whole), app.stream()?).into_response();
    show(response.headers_mut(), mime, &address.address);
    if let Some(part) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes {}-{}/{whole}", part.start, part.end - 1));
    }
    Ok(with(response, tag.as_deref(), kept))
}

/// `if-range`: a part only of what the client has begun with.
fn may_range(headers: &HeaderMap, tag: Option<&str>) -> bool {
    let Some(wanted) = headers.get(header::IF_RANGE) else { return true };
    tag.is_some_and(|tag| wanted.as_bytes() == format!("\"{tag}\"").as_bytes())
}

/// The one range that is asked for. Several, or what cannot be read, are answered with all, as RFC 9110 allows.
fn range(headers: &HeaderMap, whole: u64) -> Result<Option<Range<u64>>, Problem> {
    let text = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let Some((from, to)) = text.and_then(|text| text.strip_prefix("bytes=")).and_then(|text| text.split_once('-'))
    else {
        return Ok(None);
    };
    let part = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => from..to.saturating_add(1).min(whole),
        (Ok(from), Err(_)) if to.trim().is_empty() => from..whole,
        (Err(_), Ok(last)) if from.trim().is_empty() => whole.saturating_sub(last)..whole,
        _ => return Ok(None),
    };
    if part.is_empty() {
        return Err(Problem::new(&RANGE, format!("the media has {whole} bytes")).hint("ask for a part of them"));
    }
    Ok(Some(part))
}

/// The bytes of a range, read as they are sent; reading ends when the client is gone.
fn stream(media: OpenMedia, range: Range<u64>, place: OwnedSemaphorePermit) -> Response {
    let length = range.end - range.start;
    let (to, made) = mpsc::channel::<Result<Bytes, std::io::Error>>(2);
    let media = Arc::new(media);
    tokio::spawn(async move {
        let _place = place;
        let mut at = range.start;
        while at < range.end {
            let (media, part) = (Arc::clone(&media), at..range.end.min(at + PART));
            let read = tokio::task::spawn_blocking(move || media.read(part)).await.map_err(std::io::Error::other);
            let read = read.and_then(|read| read.map_err(std::io::Error::other));
            at += PART;
            let is_bad = read.is_err();
            let sent = tokio::time::timeout(STALL, to.send(read)).await;
            if is_bad || !matches!(sent, Ok(Ok(()))) {
                break;
            }
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(made)).into_response();
    put(response.headers_mut(), header::CONTENT_LENGTH, &length.to_string());
    response
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// What browsers may do with other people's bytes.
fn show(headers: &mut HeaderMap, mime: &str, address: &Address) {
    let is_shown = ["image/", "audio/", "video/"].iter().any(|kind| mime.starts_with(kind));
    let is_text = mime.starts_with("text/");
    put(headers, header::CONTENT_TYPE, if is_text { "text/plain; charset=utf-8" } else { mime });
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if !is_shown && !is_text {
        let name = address.prefix().rsplit('/').next().unwrap_or_default();
        let name: String = name
            .bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        put(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename*=UTF-8''{name}"));
    }
}

fn with(mut response: Response, tag: Option<&str>, kept: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(header::CACHE_CONTROL, kept);
    if let Some(tag) = tag {
        put(headers, header::ETAG, &format!("\"{tag}\""));
    }
    response
}

pub(super) async fn preview(State(app): State<App>, caller: Caller, at: At, Params(wanted): Params<Wanted>) -> Answer {
    app.run(caller.ctx, move |app, _| {
        let edge = thumbs::size(wanted.size.unwrap_or(256));
        let blob = app.engine.show(&at.address)?.sample.media.and_then(|media| media.blob).map(|id| id.to_string());
        let part = format!("{edge}-{:?}-{:?}-{}", wanted.frame, wanted.at, wanted.spectrum);
        let tag = blob.as_ref().map(|blob| format!("{blob}-{part}").replace(['(', ')'], ""));
        let kept = if at.is_pinned() || is_named(wanted.v.as_ref(), blob.as_ref()) { IMMUTABLE } else { NO_CACHE };
        if tag.is_some() && tag == at.known {
            return Ok(with(StatusCode::NOT_MODIFIED.into_response(), tag.as_deref(), kept));
        }
        let thumb = match tag.as_ref().and_then(|tag| app.thumbs.get(tag)) {
            Some(thumb) => thumb,
            None => {
                let place = wanted.frame.map(PreviewAt::Frame).or(wanted.at.map(PreviewAt::Seconds));
                let (address, ffmpeg) = (at.address.clone(), std::env::var_os("TAMIS_FFMPEG"));
                let request = PreviewRequest { address, edge, at: place, is_spectrum: wanted.spectrum, ffmpeg };
                let made = app.engine.preview(&request)?;
                let thumb = Thumb { mime: made.mime, bytes: made.bytes.into() };
                tag.iter().for_each(|tag| app.thumbs.put(tag, thumb.clone()));
                thumb
            }
        };
        let mut response = thumb.bytes.into_response();
        put(response.headers_mut(), header::CONTENT_TYPE, thumb.mime);
        Ok(with(response, tag.as_deref(), kept))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, whole: u64) -> Result<Option<Range<u64>>, ()> {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(text).unwrap())]);
        range(&headers, whole).map_err(drop)
    }

    #[test]
    fn ranges_are_cut_at_the_end_and_refused_beyond_it() {
        assert_eq!(asked("bytes=0-9", 100), Ok(Some(0..10)));
        assert_eq!(asked("bytes=90-1000", 100), Ok(Some(90..100)));
        assert_eq!(asked("bytes=5-", 100), Ok(Some(5..100)));
        assert_eq!(asked("bytes=-5", 100), Ok(Some(95..100)));
        assert_eq!(asked("bytes=-500", 100), Ok(Some(0..100)));
        assert_eq!(asked(&format!("bytes=0-{}", u64::MAX), 100), Ok(Some(0..100)));
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(beyond, 100), Err(()), "{beyond}");
        }
        assert_eq!(asked("bytes=0-", 0), Err(()));
        for unread in ["bytes=0-1,3-4", "lines=1-2", "bytes=9-2", "bytes=a-b", "bytes=", "bytes=-", ""] {
            assert_eq!(asked(unread, 100), Ok(None), "{unread}");
        }
    }
}
