//! onnxruntime, from a library that is on the machine. See ADR 0081.

use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::session::Session as Ort;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::error::plain;
use crate::model::session::{OpenError, Port, Session, Tensor};

/// Where the library is.
const VARIABLE: &str = "TAMIS_ONNXRUNTIME";

/// A model of onnxruntime. A session serves one thread, so each thread that computes at a time has its own.
struct Onnxruntime {
    bytes: Vec<u8>,
    input: Port,
    outputs: Vec<Port>,
    idle: Mutex<Vec<Ort>>,
}

/// The library, loaded once.
fn environment() -> Result<&'static Environment, OpenError> {
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let load = || {
        let path = std::env::var_os(VARIABLE).ok_or_else(|| {
            format!("{VARIABLE} is not set: let it name libonnxruntime.so, as the Python package onnxruntime has it")
        })?;
        let builder = ort::init_from(&path).map_err(|error| plain(&error))?;
        builder.with_telemetry(false).build().map_err(|error| plain(&error))
    };
    ENVIRONMENT.get_or_init(load).as_ref().map_err(|reason| OpenError::Absent(reason.clone()))
}

fn session(bytes: &[u8]) -> Result<Ort, OpenError> {
    let environment = environment()?;
    let open = || -> Result<Ort, String> {
        let builder = Ort::builder(environment).map_err(|error| plain(&error))?;
        let mut builder = builder.with_intra_threads(1).map_err(|error| plain(&error))?;
        builder.commit_from_memory(bytes).map_err(|error| plain(&error))
    };
    open().map_err(OpenError::Model)
}

/// Opens a model.
pub(crate) fn open(bytes: &[u8]) -> Result<Box<dyn Session>, OpenError> {
    let first = session(bytes)?;
    let refuse = |reason: String| OpenError::Model(reason);
    let [input] = first.inputs() else {
        return Err(refuse(format!("it has {} inputs, expected one image", first.inputs().len())));
    };
    if !matches!(input.dtype(), ValueType::Tensor { ty: TensorElementType::Float32, .. }) {
        return Err(refuse(String::from("its input is not of 32-bit floats")));
    }
    let (input, outputs) = (port(input), first.outputs().iter().map(port).collect());
    Ok(Box::new(Onnxruntime { bytes: bytes.to_vec(), input, outputs, idle: Mutex::new(vec![first]) }))
}

fn port(outlet: &Outlet) -> Port {
    let shape = match outlet.dtype() {
        ValueType::Tensor { shape, .. } => shape.iter().map(|&size| usize::try_from(size).ok()).collect(),
        _ => Vec::new(),
    };
    Port { name: outlet.name().to_owned(), shape }
}

impl Session for Onnxruntime {
    fn input(&self) -> &Port {
        &self.input
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&self, input: &Tensor, outputs: &[usize]) -> Result<Vec<Tensor>, String> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut session = match known.map_or_else(|| session(&self.bytes), Ok) {
            Ok(session) => session,
            Err(OpenError::Model(reason) | OpenError::Absent(reason)) => return Err(reason),
        };
        let found = self.read(&mut session, input, outputs);
        idle().push(session);
        found
    }
}

impl Onnxruntime {
    fn read(&self, session: &mut Ort, input: &Tensor, outputs: &[usize]) -> Result<Vec<Tensor>, String> {
        let tensor = TensorRef::from_array_view((input.shape.as_slice(), input.values.as_slice()));
        let found = session.run(ort::inputs![tensor.map_err(|error| plain(&error))?]).map_err(|error| plain(&error))?;
        let read = |&at: &usize| {
            let name = self.outputs.get(at).map_or("", |port| port.name.as_str());
            let value = found.get(name).ok_or_else(|| format!("it did not give `{name}`"))?;
            let sizes = |shape: &[i64]| shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
            if let Ok((shape, values)) = value.try_extract_tensor::<f32>() {
                return Ok(Tensor { shape: sizes(shape), values: values.to_vec() });
            }
            let (shape, values) = value.try_extract_tensor::<i64>().map_err(|error| plain(&error))?;
            Ok(Tensor { shape: sizes(shape), values: values.iter().map(|&v| v as f32).collect() })
        };
        outputs.iter().map(read).collect()
    }
}
