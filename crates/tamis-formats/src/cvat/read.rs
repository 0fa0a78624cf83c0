//! Reading CVAT's XML.

use std::collections::BTreeMap;

use tamis_core::{Class, Label, MediaSource, Place, Report, SampleRecord, Shape, Skeleton, TrackKey, Visibility};

use super::shape::{Context, Labels, label_of};
use super::{SPEC, TASK, is_it};
use crate::error::Result;
use crate::format::{ReadOptions, RecordReader};
use crate::gather::Gather;
use crate::labels;
use crate::lex::xml::{self, Element};
use crate::paths::{self, folder, join};
use crate::source::Source;
use crate::vott::color;

pub(super) fn read<'a>(
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let mut gather = Gather::new(&SPEC, source, options, report)?;
    let files = gather.files_like("xml", is_it);
    if files.is_empty() {
        return Err(gather.nothing("no XML file has <annotations> with images or tracks"));
    }
    for file in files {
        let bytes = source.read(file)?;
        let mut reading = File { path: file, ours: false, labels: Labels::default(), video: Video::default() };
        let mut failed = Ok(());
        let end = xml::each(&bytes, |element| {
            if failed.is_ok() {
                failed = reading.element(&mut gather, element);
            }
        });
        failed?;
        if let Err(fault) = end {
            gather.judge.error("syntax", fault.place(file), fault.message);
        }
        reading.frames(&mut gather)?;
    }
    gather.finish()
}

/// What a file of tracks has said so far.
#[derive(Default)]
struct Video {
    is_one: bool,
    source: Option<String>,
    subset: Option<String>,
    size: Option<(u32, u32)>,
    start: u64,
    step: u64,
    frames: BTreeMap<u64, Vec<Label>>,
    /// The same shapes as tracks, for a video that is there as a file.
    tracks: Vec<Label>,
}

struct File<'f> {
    path: &'f str,
    /// Whether we wrote it.
    ours: bool,
    labels: Labels,
    video: Video,
}

impl File<'_> {
    fn element(&mut self, gather: &mut Gather<'_>, element: Element) -> Result<()> {
        match element.name.as_str() {
            "meta" => self.meta(gather, &element),
            "image" => return self.image(gather, &element),
            "track" => self.track(gather, &element),
            _ => {}
        }
        Ok(())
    }

    fn meta(&mut self, gather: &mut Gather<'_>, meta: &Element) {
        self.ours = meta.child("task").and_then(|t| t.text_of("name")) == Some(TASK);
        let mut todo = vec![meta];
        while let Some(element) = todo.pop() {
            match element.name.as_str() {
                "labels" => {
                    for label in element.children.iter().filter(|c| c.name == "label") {
                        self.label(gather, label, &element.children);
                    }
                }
                "original_size" => {
                    let side = |name| element.text_of(name).and_then(|t| t.parse::<u32>().ok()).filter(|n| *n > 0);
                    self.video.size = side("width").zip(side("height"));
                }
                "mode" => self.video.is_one = element.text == "interpolation",
                "start_frame" => self.video.start = element.text.parse().unwrap_or(0),
                "frame_filter" => {
                    self.video.step = element.text.strip_prefix("step=").and_then(|t| t.parse().ok()).unwrap_or(1);
                }
                "subset" if !element.text.is_empty() => self.video.subset = Some(element.text.clone()),
                "source" if !element.text.is_empty() => self.video.source = Some(element.text.clone()),
                _ => todo.extend(element.children.iter().rev()),
            }
        }
    }

    fn label(&mut self, gather: &mut Gather<'_>, label: &Element, all: &[Element]) {
        let Some(name) = label.text_of("name") else { return };
        if label.text_of("parent").is_some_and(|p| !p.is_empty()) {
            return;
        }
        for attribute in label.child("attributes").map_or(&[][..], |a| &a.children) {
            if let (Some(key), Some(input)) = (attribute.text_of("name"), attribute.text_of("input_type")) {
                self.labels.inputs.insert((name.to_owned(), key.to_owned()), input.to_owned());
            }
        }
        if label.text_of("type") == Some("skeleton") {
            let inner = all.iter().filter(|l| l.text_of("parent") == Some(name));
            let names: Vec<String> = inner.filter_map(|l| l.text_of("name").map(str::to_owned)).collect();
            gather.skeletons.push(Skeleton {
                number: names.len() as u32,
                names: names.clone(),
                visibility: Some(Visibility::Ternary),
                classes: vec![name.to_owned()],
                ..Skeleton::default()
            });
            self.labels.skeletons.insert(name.to_owned(), names);
        }
        if labels::class(name).is_some() && gather.classes.iter().all(|c| c.name != name) {
            let color = label.text_of("color").and_then(color);
            gather.classes.push(Class { name: name.to_owned(), color, ..Class::default() });
        }
    }

    fn image(&mut self, gather: &mut Gather<'_>, image: &Element) -> Result<()> {
        let place = || Place::line(self.path, image.line);
        let Some(name) = image.attr("name").filter(|n| !n.is_empty()) else {
            gather.judge.error("image", place(), "an image has no `name`; left out");
            return Ok(());
        };
        let subset = image.attr("subset").filter(|s| !s.is_empty() && *s != "default");
        let split = subset
            .map(|s| paths::split_of(s).filter(|_| gather.index.exact(name).is_none()).unwrap_or_else(|| s.to_owned()));
        let below = subset.and_then(|s| {
            let path = paths::normal(&join(folder(self.path), &format!("images/{s}/{name}")))?;
            gather.index.exact(&path)
        });
        let record = match below {
            Some(found) => gather.start("", found, split.as_deref(), &place),
            None => gather.start(self.path, name, split.as_deref(), &place),
        };
        let Some(mut record) = record else { return Ok(()) };
        let home = folder(self.path);
        if self.ours && record.path == join(home, &format!("images/{name}")) {
            record.path = join(home, name);
        }
        let side = |key| image.number(key).filter(|n| *n >= 1.0 && *n < 4e9).map(|n| n as u32);
        record.stated_size = side("width").zip(side("height"));
        let ctx = Context { judge: gather.judge, labels: &self.labels, size: record.stated_size, file: self.path };
        let found = image.children.iter().filter_map(|shape| label_of(shape, None, &ctx)).collect();
        record.layers.insert(gather.layer.clone(), found);
        gather.put(record, &place)
    }

    fn track(&mut self, gather: &mut Gather<'_>, track: &Element) {
        self.video.is_one = true;
        let ctx = Context { judge: gather.judge, labels: &self.labels, size: self.video.size, file: self.path };
        let class = track.attr("label");
        let mut keys: Vec<TrackKey> = Vec::new();
        for shape in track.children.iter().filter(|c| c.name != "attribute") {
            let place = || Place::line(self.path, shape.line);
            let Some(frame) = shape.attr("frame").and_then(|t| t.parse::<u64>().ok()) else {
                gather.judge.error("frame", place(), "a shape of a track has no `frame`; left out");
                continue;
            };
            let Some(mut label) = label_of(shape, class, &ctx) else { continue };
            let outside = shape.attr("outside") == Some("1");
            let interpolated = shape.attr("keyframe") == Some("0");
            if let Ok(frame) = u32::try_from(frame) {
                let attributes = label.attributes.clone();
                keys.push(TrackKey { outside, interpolated, attributes, ..TrackKey::new(frame, label.shape.clone()) });
            }
            if outside {
                continue;
            }
            label.instance = track.attr("id").map(str::to_owned);
            if shape.attr("keyframe") == Some("0") {
                label.attributes.insert("keyframe".to_owned(), false.into());
            }
            self.video.frames.entry(frame).or_default().push(label);
        }
        keys.sort_by_key(|key| key.frame);
        let many = keys.len();
        keys.dedup_by_key(|key| key.frame);
        if keys.len() < many {
            let message = "a track has a frame twice; the first counts in the video";
            gather.judge.warn("duplicate_frame", Place::line(self.path, track.line), message);
        }
        if !keys.is_empty() {
            let mut label = Label::new(Shape::Track(keys));
            label.class = class.filter(|c| !c.is_empty()).and_then(labels::class);
            label.instance = track.attr("id").map(str::to_owned);
            self.video.tracks.push(label);
        }
    }

    /// The video file of the tracks: the one that the file names, or the only one there is.
    fn film<'g>(&self, gather: &Gather<'g>) -> Option<&'g str> {
        let source = self.video.source.as_deref();
        let named = source.and_then(|s| gather.index.exact(s).or_else(|| gather.index.named(paths::name(s))));
        let is_film = |p: &&str| tamis_media::mime_of_name(p).is_some_and(|m| m.starts_with("video/"));
        named.filter(is_film).or_else(|| {
            let mut films = gather.index.all().filter(is_film);
            films.next().filter(|_| films.next().is_none())
        })
    }

    /// The labels of tracks, frame by frame: to the images called by the frame's number, else to those in its place.
    fn frames(mut self, gather: &mut Gather<'_>) -> Result<()> {
        if !self.video.is_one {
            return Ok(());
        }
        let home = folder(self.path);
        let mut images: Vec<&str> = gather
            .index
            .all()
            .filter(|p| {
                paths::is_image(p) && (home.is_empty() || p.strip_prefix(home).is_some_and(|r| r.starts_with('/')))
            })
            .collect();
        images.sort_unstable();
        let number = |path: &str| {
            let stem = paths::stem(paths::name(path));
            let digits = stem.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
            stem.get(digits..)?.parse::<u64>().ok()
        };
        let numbered: BTreeMap<u64, &str> = images.iter().filter_map(|p| Some((number(p)?, *p))).collect();
        let by_number = numbered.len() == images.len() && self.video.frames.keys().all(|f| numbered.contains_key(f));
        let all: BTreeMap<u64, &str> = if by_number {
            numbered
        } else {
            let step = self.video.step.max(1);
            images.iter().enumerate().map(|(at, p)| (self.video.start + at as u64 * step, *p)).collect()
        };
        if (self.ours || all.is_empty())
            && let Some(film) = self.film(gather)
        {
            let mut record = SampleRecord { path: film.to_owned(), ..SampleRecord::default() };
            record.media = Some(MediaSource::File(film.to_owned()));
            record.split = self.video.subset.or_else(|| paths::split_of_folders(film));
            record.stated_size = self.video.size;
            record.layers.insert(gather.layer.clone(), self.video.tracks);
            return gather.put(record, &|| Place::file(self.path));
        }
        let stem = self.video.source.as_deref().map_or("video", |s| paths::stem(paths::name(s)));
        if all.is_empty() && !self.video.frames.is_empty() {
            let message = "the frames of the video are not there as images; their labels are read";
            gather.judge.warn("missing_frames", Place::file(self.path), message);
        }
        let wanted: std::collections::BTreeSet<u64> = all.keys().chain(self.video.frames.keys()).copied().collect();
        for frame in wanted {
            let place = || Place::file(self.path).at(format!("frame {frame}"));
            let record = match all.get(&frame) {
                Some(image) => gather.start("", image, None, &place),
                None => {
                    let path = join(home, &format!("{}/frame_{frame:06}.png", crate::sink::safe(stem)));
                    Some(SampleRecord { path, ..SampleRecord::default() })
                }
            };
            let Some(mut record) = record else { continue };
            record.stated_size = self.video.size;
            record.frame = Some(format!("{frame:06}"));
            record.layers.insert(gather.layer.clone(), self.video.frames.remove(&frame).unwrap_or_default());
            gather.put(record, &place)?;
        }
        Ok(())
    }
}
