//! How an image becomes the numbers that a model takes.

use tamis_core::Box2d;
use tamis_media::{Image, Limits, decode};

use crate::error::Result;
use crate::image::picture::{Colours, media};
use crate::image::resample::{Filter, Plane};
use crate::model::session::Port;
use crate::params::{Arguments, Param, ParamKind};
use crate::value::Input;

/// How an image fits the model's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// The shorter side fills a frame 8/7 as large, of which the middle is taken: as the usual classifiers are measured.
    Crop,
    /// Sides out of proportion.
    Stretch,
    /// Whole, in proportion, on grey.
    Letterbox,
}

/// The order of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Plane after plane.
    Planes,
    /// Pixel after pixel.
    Pixels,
}

/// All choices of preparing an image.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    width: usize,
    height: usize,
    fit: Fit,
    filter: Filter,
    layout: Layout,
    /// Blue first.
    reversed: bool,
    /// A number is `pixel * scale + shift`, for each channel.
    scale: [f32; 3],
    shift: [f32; 3],
}

/// Where the model's pixels are in the image: model = image · scale + shift, of the upright image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placement {
    scale: (f64, f64),
    shift: (f64, f64),
    /// Of the upright image.
    size: (u32, u32),
    orientation: u8,
}

/// The grey around a letterboxed image.
const GREY: u8 = 114;

/// The parameters of preparing an image: `preset` and `fit` have other defaults for classifiers and for detectors.
pub(crate) const fn params(preset: &'static str, fit: &'static str) -> [Param; 8] {
    [
        Param {
            name: "preset",
            kind: ParamKind::Choice(&["imagenet", "clip", "unit", "symmetric", "bytes"]),
            default: Some(preset),
            help: "what mean and std are when not given: ImageNet's, CLIP's, none (0 to 1), -1 to 1, none (0 to 255)",
        },
        Param {
            name: "mean",
            kind: ParamKind::Text,
            default: Some(""),
            help: "red, green, blue, of 0 to 1: `0.5,0.5,0.5`",
        },
        Param { name: "std", kind: ParamKind::Text, default: Some(""), help: "red, green, blue, of 0 to 1" },
        Param {
            name: "fit",
            kind: ParamKind::Choice(&["crop", "stretch", "letterbox"]),
            default: Some(fit),
            help: "how an image fits the model's frame",
        },
        Param {
            name: "filter",
            kind: ParamKind::Choice(Filter::NAMES),
            default: Some("bilinear"),
            help: "how pixels are weighed, as Pillow does",
        },
        Param {
            name: "size",
            kind: ParamKind::Integer(0, 4096),
            default: Some("0"),
            help: "the side of the frame where the model leaves it open; 0 = 224 for classifiers, 640 for detectors",
        },
        Param {
            name: "layout",
            kind: ParamKind::Choice(&["auto", "nchw", "nhwc"]),
            default: Some("auto"),
            help: "the order of the numbers; auto = by the place of the 3 in the model's input",
        },
        Param { name: "colours", kind: ParamKind::Choice(&["rgb", "bgr"]), default: Some("rgb"), help: "their order" },
    ]
}

impl Frame {
    /// The frame of a model's input by the parameters.
    pub(crate) fn of(arguments: &Arguments, input: &Port, open_size: usize) -> Result<Frame> {
        let shape = match input.shape.as_slice() {
            [] => [None; 4],
            &[n, a, b, c] => [n, a, b, c],
            other => {
                let reason = format!("its input `{}` has {} dimensions, expected 4", input.name, other.len());
                return Err(arguments.refuse("model", reason));
            }
        };
        let layout = match (arguments.text("layout"), shape) {
            ("nchw", _) => Layout::Planes,
            ("nhwc", _) => Layout::Pixels,
            (_, [_, channels, _, Some(3)]) if channels != Some(3) => Layout::Pixels,
            _ => Layout::Planes,
        };
        let (channels, height, width) = match layout {
            Layout::Planes => (shape[1], shape[2], shape[3]),
            Layout::Pixels => (shape[3], shape[1], shape[2]),
        };
        if channels.is_some_and(|channels| channels != 3) {
            let reason = format!("its input `{}` has {} channels, expected 3", input.name, channels.unwrap_or(0));
            return Err(arguments.refuse("model", reason));
        }
        let open = if arguments.size("size") == 0 { open_size } else { arguments.size("size") };
        let (width, height) = (width.unwrap_or(open), height.unwrap_or(open));
        if !(1..=4096).contains(&width) || !(1..=4096).contains(&height) {
            let reason = format!("its input `{}` is {width} × {height} pixels, expected 1 to 4096", input.name);
            return Err(arguments.refuse("model", reason));
        }
        // Mean and deviation of pixels from 0 to 1, and what a pixel is divided by first.
        let (mean, std, whole) = match arguments.text("preset") {
            "imagenet" => ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 255.0),
            "clip" => ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11], 255.0),
            "symmetric" => ([0.5; 3], [0.5; 3], 255.0),
            "bytes" => ([0.0; 3], [1.0; 3], 1.0),
            _ => ([0.0; 3], [1.0; 3], 255.0),
        };
        let mean = three(arguments, "mean")?.unwrap_or(mean);
        let std = three(arguments, "std")?.unwrap_or(std);
        if std.contains(&0.0) {
            return Err(arguments.refuse("std", "no deviation may be 0"));
        }
        Ok(Frame {
            width,
            height,
            fit: match arguments.text("fit") {
                "stretch" => Fit::Stretch,
                "letterbox" => Fit::Letterbox,
                _ => Fit::Crop,
            },
            filter: Filter::named(arguments.text("filter")),
            layout,
            reversed: arguments.text("colours") == "bgr",
            scale: std.map(|std| (1.0 / (whole * std)) as f32),
            shift: [0, 1, 2].map(|at| (-mean[at] / std[at]) as f32),
        })
    }

    /// Width and height.
    pub(crate) fn size(&self) -> (f32, f32) {
        (self.width as f32, self.height as f32)
    }

    /// The input's sizes for so many images.
    pub(crate) fn shape(&self, batch: usize) -> Vec<usize> {
        match self.layout {
            Layout::Planes => vec![batch, 3, self.height, self.width],
            Layout::Pixels => vec![batch, self.height, self.width, 3],
        }
    }

    /// The numbers of one image.
    pub(crate) fn prepare(&self, input: Input<'_>) -> Result<(Vec<f32>, Placement)> {
        let image = decode(media(input), &Limits::default())?;
        let (stored, orientation) = (Colours::of(&image), image.orientation());
        let colours = if orientation > 1 { upright(&image, stored) } else { stored };
        let (small, scale, shift) = self.place(&colours);
        let size = (colours.width() as u32, colours.height() as u32);
        Ok((self.numbers(&small), Placement { scale, shift, size, orientation }))
    }

    /// The image in the frame, and where it is there.
    fn place(&self, image: &Colours) -> (Colours, (f64, f64), (f64, f64)) {
        let (width, height) = (image.width() as f64, image.height() as f64);
        let (across, down) = (self.width as f64 / width, self.height as f64 / height);
        let factor = match self.fit {
            Fit::Stretch => {
                return (image.resized(self.width, self.height, self.filter), (across, down), (0.0, 0.0));
            }
            Fit::Letterbox => across.min(down),
            Fit::Crop => across.max(down) * 8.0 / 7.0,
        };
        let round = |side: f64| ((side * factor).round() as usize).max(1);
        // A thin image would grow without end: the crop takes its middle first.
        let (width, height) = match self.fit {
            Fit::Crop => (round(width).min(self.width * 64), round(height).min(self.height * 64)),
            _ => (round(width).min(self.width), round(height).min(self.height)),
        };
        let scale = (width as f64 / image.width() as f64, height as f64 / image.height() as f64);
        let small = image.resized(width, height, self.filter);
        let left = (self.width as i64 - width as i64).div_euclid(2);
        let top = (self.height as i64 - height as i64).div_euclid(2);
        let planes = small.0.map(|plane| self.window(&plane, left, top));
        (Colours(planes), scale, (left as f64, top as f64))
    }

    /// The frame over a plane that lies at `left` and `top`.
    fn window(&self, plane: &Plane, left: i64, top: i64) -> Plane {
        let pixel = |x: usize, y: usize| {
            let (x, y) = (usize::try_from(x as i64 - left).ok()?, usize::try_from(y as i64 - top).ok()?);
            if y < plane.height() { plane.row(y).get(x).copied() } else { None }
        };
        let rows = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        Plane::new(self.width, self.height, rows.map(|(x, y)| pixel(x, y).unwrap_or(GREY)).collect())
    }

    fn numbers(&self, image: &Colours) -> Vec<f32> {
        let number = |channel: usize, v: u8| f32::from(v) * self.scale[channel] + self.shift[channel];
        let order = if self.reversed { [2, 1, 0] } else { [0, 1, 2] };
        match self.layout {
            Layout::Planes => {
                order.iter().flat_map(|&c| image.0[c].pixels().iter().map(move |&v| number(c, v))).collect()
            }
            Layout::Pixels => image.pixels().flat_map(|pixel| order.map(|c| number(c, pixel[c]))).collect(),
        }
    }
}

fn upright(image: &Image, stored: Colours) -> Colours {
    let pixels = stored.pixels().flatten().collect();
    let turned = Image::rgb8(image.width(), image.height(), pixels).map(|flat| flat.turned_as(image).upright());
    turned.map_or(stored, |image| Colours::of(&image))
}

/// Three numbers with commas between; [`None`] for an empty text.
fn three(arguments: &Arguments, name: &'static str) -> Result<Option<[f64; 3]>> {
    let text = arguments.text(name).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    match (numbers.as_slice(), text.split(',').count()) {
        (&[r, g, b], 3) if [r, g, b].iter().all(|v| v.is_finite()) => Ok(Some([r, g, b])),
        _ => Err(arguments.refuse(name, "it has to be three numbers with commas between")),
    }
}

impl Placement {
    /// A box of the model's pixels as one of the stored image, cut at its edges; [`None`] when nothing is left.
    pub(crate) fn to_image(self, corners: [f32; 4]) -> Option<Box2d> {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        let [x0, y0, x1, y1] = corners.map(f64::from);
        let across = |x: f64| ((x - self.shift.0) / self.scale.0).clamp(0.0, width);
        let down = |y: f64| ((y - self.shift.1) / self.scale.1).clamp(0.0, height);
        let (x0, y0, x1, y1) = (across(x0), down(y0), across(x1), down(y1));
        if !(x1 > x0 && y1 > y0) {
            return None;
        }
        // The inverse of turning the image upright; `width` and `height` are the upright ones.
        let (a, b) = (self.stored((x0, y0)), self.stored((x1, y1)));
        Some(Box2d::new(a.0.min(b.0), a.1.min(b.1), a.0.max(b.0), a.1.max(b.1)))
    }

    fn stored(self, (x, y): (f64, f64)) -> (f64, f64) {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        match self.orientation {
            2 => (width - x, y),
            3 => (width - x, height - y),
            4 => (x, height - y),
            5 => (y, x),
            6 => (y, width - x),
            7 => (height - y, width - x),
            8 => (height - y, x),
            _ => (x, y),
        }
    }
}
