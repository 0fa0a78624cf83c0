//! The runtime in pure Rust. See ADR 0080.

use std::sync::{Arc, Mutex, PoisonError};

use rten::{DataType, Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueType, ValueView};
use rten_tensor::prelude::*;

use crate::error::plain;
use crate::model::session::{OpenError, Port, Session, Tensor};

/// A model of `rten`.
struct Rten {
    model: Model,
    input: (NodeId, Port),
    outputs: Vec<NodeId>,
    ports: Vec<Port>,
    /// Threads that wait for a run, one a pool: a runtime that shares one image among threads is slower than one that
    /// gives each its own.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

/// Opens a model. Weights in other files are refused: no file but the pinned one is read.
pub(crate) fn open(bytes: &[u8]) -> Result<Box<dyn Session>, OpenError> {
    let refuse = |reason: String| OpenError::Model(reason);
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let model = options.load(bytes.to_vec()).map_err(|error| refuse(plain(&error)))?;
    let port = |&id: &NodeId| {
        let node = model.node_info(id);
        let size = |dimension| if let Dimension::Fixed(size) = dimension { Some(size) } else { None };
        Port {
            name: node.as_ref().and_then(|node| node.name()).unwrap_or_default().to_owned(),
            shape: node.and_then(|node| node.shape()).unwrap_or_default().into_iter().map(size).collect(),
        }
    };
    let &[input] = model.input_ids() else {
        return Err(refuse(format!("it has {} inputs, expected one image", model.input_ids().len())));
    };
    let kind = model.node_info(input).and_then(|node| node.dtype());
    if kind.is_some_and(|kind| kind != ValueType::Tensor(DataType::Float)) {
        return Err(refuse(String::from("its input is not of 32-bit floats")));
    }
    let (input, outputs) = ((input, port(&input)), model.output_ids().to_vec());
    let ports = outputs.iter().map(port).collect();
    Ok(Box::new(Rten { input, outputs, ports, model, idle: Mutex::default() }))
}

impl Session for Rten {
    fn input(&self) -> &Port {
        &self.input.1
    }

    fn outputs(&self) -> &[Port] {
        &self.ports
    }

    fn run(&self, input: &Tensor, outputs: &[usize]) -> Result<Vec<Tensor>, String> {
        let view = ValueView::from_shape(&input.shape, &input.values).map_err(|error| plain(&error))?;
        let wanted: Vec<NodeId> = outputs.iter().filter_map(|&at| self.outputs.get(at).copied()).collect();
        let mut options = RunOptions::default();
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = idle().pop().unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        options.thread_pool = Some(Arc::clone(&pool));
        // A thread of another pool that waits for ours would begin other work meanwhile, and that work more: the caller
        // may be one, so a thread of no pool waits.
        let run = || self.model.run(vec![(self.input.0, view.into())], &wanted, Some(options));
        let found = std::thread::scope(|scope| scope.spawn(run).join());
        idle().push(pool);
        let found = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        found.map_err(|error| plain(&error))?.into_iter().map(floats).collect()
    }
}

/// A value as floats.
fn floats(value: Value) -> Result<Tensor, String> {
    match value {
        Value::FloatTensor(tensor) => Ok(Tensor { shape: tensor.shape().to_vec(), values: tensor.to_vec() }),
        Value::Int32Tensor(tensor) => {
            Ok(Tensor { shape: tensor.shape().to_vec(), values: tensor.iter().map(|&v| v as f32).collect() })
        }
        _ => Err(String::from("it gives something else than a tensor of floats or whole numbers")),
    }
}
