//! The seam between what a prediction means and who computes it: numbers in, numbers out.

/// A place where a model takes or gives a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its name in the model.
    pub(crate) name: String,
    /// Its sizes; [`None`] for one that is open until the model runs. Empty when the model does not say.
    pub(crate) shape: Vec<Option<usize>>,
}

/// Floats with sizes, the last one running fastest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Tensor {
    /// The numbers of one item of the first dimension, which is the batch; empty beyond the last.
    pub(crate) fn item(&self, at: usize) -> &[f32] {
        let batch = self.shape.first().copied().unwrap_or(1).max(1);
        let each = self.values.len() / batch;
        self.values.get(at * each..(at + 1) * each).unwrap_or_default()
    }
}

/// A loaded model with one input of floats. Errors are the runtime's words; the caller names the model.
pub(crate) trait Session: Send + Sync {
    /// What it takes.
    fn input(&self) -> &Port;

    /// What it gives.
    fn outputs(&self) -> &[Port];

    /// The outputs of these numbers, whole numbers as floats, computed on one thread. Several threads may call at a time.
    fn run(&self, input: &Tensor, outputs: &[usize]) -> Result<Vec<Tensor>, String>;
}

/// What makes a session of a model's bytes.
pub(crate) type Open = fn(bytes: &[u8]) -> Result<Box<dyn Session>, OpenError>;

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The model is the reason.
    Model(String),
    /// The runtime is not there.
    Absent(String),
}
