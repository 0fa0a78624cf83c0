//! A model that is ready: opened, tried, and fed with images.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use tamis_core::Hash;

use crate::error::{InferError, Result};
use crate::function::{Function, Spec, each, id, walled, words};
use crate::model::frame::{Frame, Placement};
use crate::model::session::{Open, OpenError, Port, Session, Tensor};
use crate::params::{Arguments, Param, ParamKind};
use crate::value::{Input, InputKind, Output, Value};

/// The parameters of every model.
pub(crate) const MODEL: Param =
    Param { name: "model", kind: ParamKind::File, default: None, help: "the ONNX file, its weights inside" };
pub(crate) const BACKEND: Param = Param {
    name: "backend",
    kind: ParamKind::Choice(&["rten", "ort"]),
    default: Some("rten"),
    help: "what runs the model: `rten` is built in; `ort` is onnxruntime, a library that TAMIS_ONNXRUNTIME names",
};
pub(crate) const BATCH: Param = Param {
    name: "batch",
    kind: ParamKind::Integer(1, 256),
    default: Some("1"),
    help: "images in a run, where the model leaves it open; on processors more is not faster",
};

/// A model and how it is fed.
pub(crate) struct Loaded {
    spec: &'static Spec,
    id: Hash,
    path: PathBuf,
    session: Box<dyn Session>,
    frame: Frame,
    batch: usize,
    /// The exporter's notes.
    pub(crate) notes: BTreeMap<String, String>,
}

impl Loaded {
    /// Opens the model that the arguments name.
    ///
    /// # Errors
    /// [`InferError::Model`] and [`InferError::Backend`].
    pub(crate) fn open(spec: &'static Spec, arguments: &Arguments, open_size: usize) -> Result<Loaded> {
        let Some(file) = arguments.file("model") else {
            return Err(arguments.refuse("model", "it has to name a file"));
        };
        let refuse = |reason: String| InferError::Model { path: file.path.clone(), reason };
        let notes = super::wire::read(&file.bytes).map_err(refuse)?.notes;
        let (backend, open): (&'static str, Open) = match arguments.text("backend") {
            "ort" => ("ort", super::ort::open),
            _ => ("rten", super::rten::open),
        };
        let session = match catch_unwind(AssertUnwindSafe(|| open(&file.bytes))) {
            Ok(Ok(session)) => session,
            Ok(Err(OpenError::Model(reason))) => return Err(refuse(reason)),
            Ok(Err(OpenError::Absent(reason))) => return Err(InferError::Backend { backend, reason }),
            Err(panic) => return Err(refuse(format!("`{backend}` broke off on it: {}", words(panic.as_ref())))),
        };
        let frame = Frame::of(arguments, session.input(), open_size)?;
        let batch = match session.input().shape.first() {
            Some(Some(fixed)) => (*fixed).clamp(1, 256),
            _ => arguments.size("batch"),
        };
        let path = file.path.clone();
        Ok(Loaded { spec, id: id(spec, arguments), path, session, frame, batch, notes })
    }

    /// An error about the model itself.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> InferError {
        InferError::Model { path: self.path.clone(), reason: reason.into() }
    }

    /// The function's name.
    pub(crate) fn function(&self) -> &'static str {
        self.spec.name
    }

    /// Width and height of the model's input.
    pub(crate) fn frame_size(&self) -> (f32, f32) {
        self.frame.size()
    }

    /// The model's outputs.
    pub(crate) fn outputs(&self) -> &[Port] {
        self.session.outputs()
    }

    /// The position of an output by name.
    ///
    /// # Errors
    /// [`InferError::BadParameter`] with the names there are.
    pub(crate) fn output(&self, arguments: &Arguments, parameter: &'static str) -> Result<usize> {
        let (name, names): (&str, Vec<&str>) =
            (arguments.text(parameter), self.outputs().iter().map(|port| port.name.as_str()).collect());
        match names.iter().position(|found| *found == name) {
            Some(at) => Ok(at),
            None if name.is_empty() && names.len() == 1 => Ok(0),
            None if name.is_empty() => Err(arguments.refuse(parameter, format!("name one of {}", names.join(", ")))),
            None => Err(arguments.refuse(parameter, format!("the model has only {}", names.join(", ")))),
        }
    }

    /// The sizes of some outputs for one image, by a run on a grey one. Fails early where the model would fail later.
    pub(crate) fn trial(&self, outputs: &[usize]) -> Result<Vec<Vec<usize>>> {
        let grey = vec![0.0; self.frame.shape(1).iter().product()];
        let found = self.run(vec![grey], outputs);
        let found = found.map_err(|reason| self.refuse(format!("it fails on a grey image: {reason}")))?;
        Ok(found.into_iter().map(|tensor| tensor.shape).collect())
    }

    /// A run of at most a batch of images; every output has the batch first.
    fn run(&self, mut images: Vec<Vec<f32>>, outputs: &[usize]) -> std::result::Result<Vec<Tensor>, String> {
        // A fixed batch is filled up with the last image.
        let fixed = self.session.input().shape.first().is_some_and(Option::is_some);
        if let Some(last) = images.last().filter(|_| fixed && images.len() < self.batch).cloned() {
            images.resize(self.batch, last);
        }
        let input = Tensor { shape: self.frame.shape(images.len()), values: images.concat() };
        let found = catch_unwind(AssertUnwindSafe(|| self.session.run(&input, outputs)))
            .unwrap_or_else(|panic| Err(format!("it broke off: {}", words(panic.as_ref()))))?;
        let misfit = found.iter().find(|tensor| tensor.shape.first() != Some(&images.len()));
        match misfit {
            Some(tensor) => Err(format!("an output has the sizes {:?} for {} images", tensor.shape, images.len())),
            None if found.len() != outputs.len() => Err(String::from("an output is missing")),
            None => Ok(found),
        }
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Values of images. Each thread takes a batch, decodes it and runs the model on it alone, so one decodes while
    /// another computes, no more images are held than threads can work on, and a value does not depend on the threads.
    fn batch(
        &self,
        inputs: &[Input<'_>],
        threads: NonZeroUsize,
        outputs: &[usize],
        read: &(dyn Fn(&[Item<'_>], Placement) -> Result<Value> + Sync),
    ) -> Vec<Result<Value>> {
        let batches: Vec<&[Input<'_>]> = inputs.chunks(self.batch).collect();
        each(&batches, threads, |batch| self.values(batch, outputs, read)).into_iter().flatten().collect()
    }

    /// Values of one batch.
    fn values(
        &self,
        inputs: &[Input<'_>],
        outputs: &[usize],
        read: &(dyn Fn(&[Item<'_>], Placement) -> Result<Value> + Sync),
    ) -> Vec<Result<Value>> {
        let (mut images, mut placements) = (Vec::new(), Vec::new());
        for input in inputs {
            placements.push(self.prepare(*input).map(|(numbers, placement)| {
                images.push(numbers);
                placement
            }));
        }
        let found = if images.is_empty() { Ok(Vec::new()) } else { self.run(images, outputs) };
        let mut row = 0;
        let value = |placement: Result<Placement>| {
            let placement = placement?;
            // The same words for each image of a batch that failed: errors cannot be copied.
            let found = found.as_ref().map_err(|reason| self.failed(reason.clone()))?;
            row += 1;
            self.value(found, outputs, row - 1, |items| read(items, placement))
        };
        placements.into_iter().map(value).collect()
    }

    fn prepare(&self, input: Input<'_>) -> Result<(Vec<f32>, Placement)> {
        match input {
            Input::Media(_) => walled(self.spec.name, || self.frame.prepare(input)),
            Input::Text(_) => {
                let (expected, found) = (InputKind::Media.as_str(), input.kind().as_str());
                Err(InferError::WrongInput { function: self.spec.name, expected, found })
            }
        }
    }

    /// The value of one row of a run.
    fn value(
        &self,
        found: &[Tensor],
        outputs: &[usize],
        row: usize,
        read: impl Fn(&[Item<'_>]) -> Result<Value>,
    ) -> Result<Value> {
        let mut items = Vec::new();
        for (tensor, &at) in found.iter().zip(outputs) {
            let values = tensor.item(row);
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                let output = self.outputs().get(at).map(|port| port.name.clone()).unwrap_or_default();
                return Err(InferError::NotFinite { model: self.name(), output, value });
            }
            items.push(Item { shape: tensor.shape.get(1..).unwrap_or_default(), values });
        }
        walled(self.spec.name, || read(&items))
    }

    fn failed(&self, reason: String) -> InferError {
        InferError::Run { model: self.name(), reason }
    }
}

/// One image's part of an output.
pub(crate) struct Item<'a> {
    /// The sizes, without the batch.
    pub(crate) shape: &'a [usize],
    pub(crate) values: &'a [f32],
}

/// A function that is a model and a way to read its outputs.
pub(crate) struct Predictor<R> {
    pub(crate) loaded: Loaded,
    pub(crate) outputs: Vec<usize>,
    pub(crate) gives: Output,
    pub(crate) read: R,
}

impl<R: Fn(&[Item<'_>], Placement) -> Result<Value> + Send + Sync> Function for Predictor<R> {
    fn spec(&self) -> &'static Spec {
        self.loaded.spec
    }

    fn id(&self) -> Hash {
        self.loaded.id
    }

    fn output(&self) -> Output {
        self.gives.clone()
    }

    fn batch_size(&self) -> usize {
        16 * self.loaded.batch
    }

    fn batch(&self, inputs: &[Input<'_>], threads: NonZeroUsize) -> Vec<Result<Value>> {
        self.loaded.batch(inputs, threads, &self.outputs, &self.read)
    }
}
